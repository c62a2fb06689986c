import APIModel
package import HTTPServer
package import Model
package import ScrapeIngest
package import Timekeeping

/// `/v1/sources` and `/api/v1/targets`: what each source is doing.
package struct SourceRoutes: Sendable {
    private let statuses: @Sendable () -> [SourceStatus]
    private let scrapes: @Sendable () -> ScrapeSnapshot
    private let clock: any WallClock

    /// Routes over every source, and over what is scraped.
    package init(
        statuses: @escaping @Sendable () -> [SourceStatus],
        scrapes: @escaping @Sendable () -> ScrapeSnapshot = { ScrapeSnapshot() },
        clock: any WallClock
    ) {
        self.statuses = statuses
        self.scrapes = scrapes
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
                state: status.health.rawValue,
                advice: status.advice,
                notice: status.notice,
                lastSuccess: status.lastSuccess?.rfc3339,
                watermark: status.watermark?.rfc3339,
                lagSeconds: status.watermark.map { max(0, (now - $0).inSeconds) },
                accepted: status.accepted,
                refused: status.refused,
                perSecond: status.perSecond.map { ($0 * 1000).rounded() / 1000 },
                overloads: status.overloads,
                lastError: status.lastError,
                lastErrorAt: status.lastErrorAt?.rfc3339
            )
        }
    }

    @Sendable private func list(_ request: HTTPRequest) -> HTTPResponse {
        DocumentReply.json(SourceListDocument(sources: documents))
    }

    /// Scraped targets, and our other sources in the same shape.
    @Sendable private func targets(_ request: HTTPRequest) -> HTTPResponse {
        let state = request.parameter("state")?.lowercased() ?? ""
        let isKnown = ["", "any", "active", "dropped"].contains(state)
        let scrapes = isKnown ? scrapes() : ScrapeSnapshot()
        let others = isKnown ? documents.filter { !$0.name.hasPrefix("scrape") } : []
        return PrometheusReply.success { writer in
            writer.targets(scrapes, others, state: state, pool: request.parameter("scrapePool"))
        }
    }
}
