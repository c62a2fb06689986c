import APIModel
package import HTTPServer
package import Model
package import Timekeeping

/// `/v1/sources` and `/api/v1/targets`: what each source is doing.
package struct SourceRoutes: Sendable {
    private let statuses: @Sendable () -> [SourceStatus]
    private let clock: any WallClock

    package init(statuses: @escaping @Sendable () -> [SourceStatus], clock: any WallClock) {
        self.statuses = statuses
        self.clock = clock
    }

    package var routes: [HTTPRoute] {
        [
            HTTPRoute("GET", "/v1/sources", .blocking(list)),
            HTTPRoute("GET", "/api/v1/targets", .blocking(targets)),
        ]
    }

    /// Every source as the API gives it.
    var documents: [SourceDocument] {
        let now = clock.now()
        return statuses().map { status in
            SourceDocument(
                name: status.name,
                on: status.isOn,
                advice: status.advice,
                lastSuccess: status.lastSuccess?.rfc3339,
                watermark: status.watermark?.rfc3339,
                lagSeconds: status.watermark.map { max(0, (now - $0).inSeconds) },
                accepted: status.accepted,
                refused: status.refused
            )
        }
    }

    @Sendable private func list(_ request: HTTPRequest) -> HTTPResponse {
        DocumentReply.json(SourceListDocument(sources: documents))
    }

    /// Sources in the shape of Prometheus's scrape targets.
    @Sendable private func targets(_ request: HTTPRequest) -> HTTPResponse {
        let isAsked = ["", "any", "active"].contains(request.parameter("state")?.lowercased() ?? "")
        let documents = isAsked ? documents : []
        return PrometheusReply.success { writer in
            writer.object { writer in
                writer.key("activeTargets")
                writer.array { writer in
                    for source in documents where source.on { writer.target(source) }
                }
                writer.key("droppedTargets")
                writer.array { _ in }
            }
        }
    }
}

extension JSONWriter {
    fileprivate mutating func target(_ source: SourceDocument) {
        object { writer in
            for key in ["discoveredLabels", "labels"] {
                writer.key(key)
                writer.map([(key: "job", value: source.name)])
            }
            writer.field("scrapePool", source.name)
            writer.field("scrapeUrl", "")
            writer.field("lastError", source.advice)
            writer.field("lastScrape", source.lastSuccess ?? "0001-01-01T00:00:00Z")
            writer.field(
                "health",
                !source.advice.isEmpty ? "down" : source.lastSuccess == nil ? "unknown" : "up"
            )
        }
    }
}
