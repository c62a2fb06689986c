package import HTTPServer
package import Ingest

/// `/api/v1/metadata`: what senders tell about metrics.
package struct MetadataRoutes: Sendable {
    private let catalogue: MetadataCatalogue

    package init(catalogue: MetadataCatalogue) {
        self.catalogue = catalogue
    }

    package var routes: [HTTPRoute] {
        [HTTPRoute("GET", "/api/v1/metadata", .blocking(metadata))]
    }

    /// As in Prometheus, a limit of 0 gives nothing and one below 0 everything.
    @Sendable private func metadata(_ request: HTTPRequest) -> HTTPResponse {
        PrometheusReply.answering(request) { parameters throws(PrometheusFailure) in
            let limit = try MetadataRoutes.number("limit", parameters)
            let perMetric = try MetadataRoutes.number("limit_per_metric", parameters)
            let metric = parameters.first("metric").flatMap { $0.isEmpty ? nil : $0 }
            let found = catalogue.descriptions(of: metric)
            return PrometheusReply.success { writer in
                writer.object { writer in
                    for (name, descriptions) in found.prefix(limit ?? .max) {
                        writer.key(name)
                        writer.array { writer in
                            let shown = perMetric.flatMap { $0 > 0 ? $0 : nil } ?? .max
                            for one in descriptions.prefix(shown) {
                                writer.object { writer in
                                    writer.field("type", one.kind.rawValue)
                                    writer.field("help", one.help)
                                    writer.field("unit", one.unit)
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// Nil: without a limit.
    private static func number(
        _ name: String,
        _ parameters: QueryParameters
    ) throws(PrometheusFailure) -> Int? {
        guard let text = parameters.first(name), !text.isEmpty else { return nil }
        guard let number = Int(text) else {
            throw PrometheusFailure(type: .badData, message: "\(name) must be a number")
        }
        return number < 0 ? nil : number
    }
}
