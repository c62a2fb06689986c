import Cryptography
package import WireFormats

/// Reads an ExportMetricsServiceRequest in JSON.
///
/// - Source: OTLP 1.x, "JSON Protobuf Encoding": names in lowerCamelCase, 64-bit integers as text or number, unknown
///   names passed over.
package enum OTLPMetricsJSON {
    /// Decodes a whole text.
    ///
    /// - Throws: `WireFormatError` with the byte where it is no JSON, or what is not as it should be.
    package static func decode(_ bytes: Span<UInt8>) throws(WireFormatError) -> OTLPMetrics {
        let root = try JSONValue(bytes, depthMax: 32, repairing: true)
        guard case .object = root else {
            throw WireFormatError(.expected("an object with resourceMetrics"), at: 0)
        }
        var request = OTLPMetrics()
        for item in root["resourceMetrics"]?.elements ?? [] {
            var resource = OTLPMetrics.Resource()
            resource.attributes = attributes(item["resource"]?["attributes"])
            for scope in item["scopeMetrics"]?.elements ?? [] {
                resource.metrics += (scope["metrics"]?.elements ?? []).map(metric)
            }
            request.resources.append(resource)
        }
        return request
    }

    private static func metric(_ value: JSONValue) -> OTLPMetrics.Metric {
        var metric = OTLPMetrics.Metric()
        metric.name = value["name"]?.string ?? ""
        metric.description = value["description"]?.string ?? ""
        metric.unit = value["unit"]?.string ?? ""
        func points(_ data: JSONValue) -> [JSONValue] { data["dataPoints"]?.elements ?? [] }
        if let data = value["gauge"] {
            metric.data = .gauge(points(data).map(number))
        } else if let data = value["sum"] {
            metric.data = .sum(
                points(data).map(number),
                temporality(data),
                isMonotonic: data["isMonotonic"] == .bool(true)
            )
        } else if let data = value["histogram"] {
            metric.data = .histogram(points(data).map(histogram), temporality(data))
        } else if let data = value["summary"] {
            metric.data = .summary(points(data).map(summary))
        } else if let data = value["exponentialHistogram"] {
            metric.data = .exponentialHistogram(points: points(data).count)
        }
        return metric
    }

    private static func temporality(_ data: JSONValue) -> OTLPMetrics.Temporality {
        switch data["aggregationTemporality"] {
        case .integer(let value):
            OTLPMetrics.Temporality(rawValue: Int(clamping: value)) ?? .unspecified
        case .string("AGGREGATION_TEMPORALITY_DELTA"): .delta
        case .string("AGGREGATION_TEMPORALITY_CUMULATIVE"): .cumulative
        default: .unspecified
        }
    }

    // MARK: Points

    private static func point(_ value: JSONValue) -> OTLPMetrics.Point {
        OTLPMetrics.Point(
            attributes: attributes(value["attributes"]),
            time: unsigned(value["timeUnixNano"]),
            start: unsigned(value["startTimeUnixNano"]),
            hasNoValue: unsigned(value["flags"]) & 1 != 0
        )
    }

    private static func number(_ value: JSONValue) -> OTLPMetrics.Number {
        let number = value["asDouble"].map(double) ?? value["asInt"].map { Double(signed($0)) }
        return OTLPMetrics.Number(point: point(value), value: number ?? 0)
    }

    private static func histogram(_ value: JSONValue) -> OTLPMetrics.Histogram {
        OTLPMetrics.Histogram(
            point: point(value),
            count: unsigned(value["count"]),
            sum: value["sum"].map(double),
            bucketCounts: (value["bucketCounts"]?.elements ?? []).map(unsigned),
            bounds: (value["explicitBounds"]?.elements ?? []).map(double)
        )
    }

    private static func summary(_ value: JSONValue) -> OTLPMetrics.Summary {
        OTLPMetrics.Summary(
            point: point(value),
            count: unsigned(value["count"]),
            sum: value["sum"].map(double) ?? 0,
            quantiles: (value["quantileValues"]?.elements ?? []).map { item in
                OTLPMetrics.Quantile(
                    quantile: item["quantile"].map(double) ?? 0,
                    value: item["value"].map(double) ?? 0
                )
            }
        )
    }

    // MARK: Values

    private static func attributes(_ value: JSONValue?) -> [OTLPAttribute] {
        (value?.elements ?? []).map { item in
            OTLPAttribute(item["key"]?.string ?? "", item["value"].map(anyValue) ?? OTLPValue.none)
        }
    }

    /// Recursion is bounded by the reader's depth limit.
    private static func anyValue(_ value: JSONValue) -> OTLPValue {
        if let text = value["stringValue"]?.string { return .string(text) }
        if case .bool(let flag)? = value["boolValue"] { return .bool(flag) }
        if let number = value["intValue"] { return .integer(signed(number)) }
        if let number = value["doubleValue"] { return .double(double(number)) }
        if let text = value["bytesValue"]?.string { return .bytes(Base64.decode(text) ?? []) }
        if let list = value["arrayValue"] {
            return .array((list["values"]?.elements ?? []).map(anyValue))
        }
        if let list = value["kvlistValue"] { return .map(attributes(list["values"])) }
        return .none
    }

    private static func signed(_ value: JSONValue) -> Int64 {
        switch value {
        case .integer(let number): number
        case .number(let number): Int64(exactly: number.rounded()) ?? 0
        case .string(let text): Int64(text) ?? 0
        case .null, .bool, .array, .object: 0
        }
    }

    private static func unsigned(_ value: JSONValue?) -> UInt64 {
        switch value {
        case .integer(let number): UInt64(clamping: number)
        case .number(let number): UInt64(exactly: number.rounded()) ?? 0
        case .string(let text): UInt64(text) ?? 0
        case .null, .bool, .array, .object, nil: 0
        }
    }

    private static func double(_ value: JSONValue) -> Double {
        switch value.string {
        case "NaN": .nan
        case "Infinity": .infinity
        case "-Infinity": -.infinity
        case let text?: Double(text) ?? 0
        case nil: value.double ?? 0
        }
    }
}
