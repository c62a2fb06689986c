import APIModel
import Configuration
import HTTPClient
import ScrapeIngest
import ServiceAPI
import Telemetry

extension Daemon {
    /// A client for scrapes: a transfer for each that may be under way, and connections kept for the next round.
    static func scrapeClient(
        _ settings: ScrapeSettings?,
        log: Log,
        metrics: MetricsRegistry
    ) -> CurlHTTPClient {
        let settings = settings ?? ScrapeSettings()
        return CurlHTTPClient(
            log: log.named("scrape-client"),
            metrics: metrics,
            settings: HTTPClientSettings(
                userAgent: "\(ProductVersion.product)/\(ProductVersion.version)",
                transfersMax: settings.concurrentMax,
                // Many targets may stand behind one address, as with the blackbox exporter.
                connectionsPerHostMax: settings.concurrentMax,
                connectionsKeptMax: min(4096, max(64, settings.jobs.count * 64))
            )
        )
    }

    /// The source's place in the list when nothing is scraped.
    static let scrapeAdvice =
        "add sources.scrape.scrape_configs, or name your prometheus.yml in "
        + "sources.scrape.prometheus_files, in "
}
