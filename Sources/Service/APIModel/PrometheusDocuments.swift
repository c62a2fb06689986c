/// The envelope of Prometheus's HTTP API, for clients.
package struct PrometheusReply<Payload: Codable & Sendable>: Codable, Sendable {
    package var status: String
    package var data: Payload?
    package var errorType: String?
    package var error: String?
    package var warnings: [String]?
    package var infos: [String]?
}

/// `data` of an instant query whose answer is a vector or a scalar.
package struct InstantQueryPayload: Codable, Sendable {
    package struct Item: Codable, Sendable {
        package var metric: [String: String]
        package var value: PointValue?
        package var values: [PointValue]?
    }

    /// A point: seconds since 1970 and the value as text.
    package struct PointValue: Codable, Sendable {
        package var seconds: Double
        package var text: String

        package init(from decoder: any Decoder) throws {
            var container = try decoder.unkeyedContainer()
            seconds = try container.decode(Double.self)
            text = try container.decode(String.self)
        }

        package func encode(to encoder: any Encoder) throws {
            var container = encoder.unkeyedContainer()
            try container.encode(seconds)
            try container.encode(text)
        }
    }

    package enum Result: Codable, Sendable {
        case items([Item])
        case point(PointValue)

        package init(from decoder: any Decoder) throws {
            if let items = try? decoder.singleValueContainer().decode([Item].self) {
                self = .items(items)
            } else {
                self = .point(try PointValue(from: decoder))
            }
        }

        package func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .items(let items): try container.encode(items)
            case .point(let point): try container.encode(point)
            }
        }
    }

    package var resultType: String
    package var result: Result
}

/// `data` of `/api/v1/alerts`.
package struct AlertsPayload: Codable, Sendable {
    package struct Alert: Codable, Sendable {
        package var labels: [String: String]
        package var annotations: [String: String]
        package var state: String
        package var activeAt: String?
        package var value: String
    }

    package var alerts: [Alert]
}
