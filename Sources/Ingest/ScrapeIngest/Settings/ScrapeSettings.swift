package import Ingest
package import Model

/// What is scraped, and how much at once.
package struct ScrapeSettings: Hashable, Sendable {
    package var jobs: [ScrapeJob] = []
    /// Scrapes under way at once (`sources.scrape.max_concurrent`); others wait for their turn.
    package var concurrentMax = 256
    /// Targets of all jobs together (`sources.scrape.max_targets`); over it the later ones are dropped.
    package var targetsMax = 20_000
    /// Dropped targets of a job that are kept for `/api/v1/targets`.
    package var droppedKeptMax = 1000
    /// Bytes of an answer, unpacked, of a job that sets no `body_size_limit` (`sources.scrape.max_body`).
    package var bodyMax = 64 << 20

    package init() {}
}

/// One entry of `scrape_configs`, defaults filled in.
package struct ScrapeJob: Hashable, Sendable {
    /// What an `Accept` header may ask for.
    package enum Format: String, Hashable, Sendable, CaseIterable {
        case openMetrics1 = "OpenMetricsText1.0.0"
        case openMetrics0 = "OpenMetricsText0.0.1"
        case text1 = "PrometheusText1.0.0"
        case text0 = "PrometheusText0.0.4"
        /// Not read here; asked for by nobody.
        case protobuf = "PrometheusProto"
    }

    /// How a request says who asks; the files are read for every scrape.
    package enum Credentials: Hashable, Sendable {
        case none
        case basic(user: Secret, password: Secret)
        /// `Authorization: TYPE SECRET`.
        case token(type: String, Secret)
    }

    /// A secret in the settings or in a file of its own.
    package enum Secret: Hashable, Sendable {
        case text(String)
        case file(String)
    }

    package var name: String
    package var interval: Duration = .seconds(60)
    package var timeout: Duration = .seconds(10)
    package var path = "/metrics"
    package var scheme = "http"
    package var parameters: [String: [String]] = [:]
    package var formats: [Format] = [.openMetrics1, .openMetrics0, .text0]
    package var credentials = Credentials.none
    package var headers: [Header] = []
    package var connection = Connection()
    package var honorLabels = false
    package var honorTimestamps = true
    /// Series whose samples bear times of their own are ended too when they vanish.
    package var tracksTimestampStaleness = false
    package var compresses = true
    package var relabelling: [RelabelRule] = []
    package var metricRelabelling: [RelabelRule] = []
    /// Limits; 0 for none.
    package var bodyMax = 0
    package var samplesMax = 0
    package var labelsMax = 0
    package var labelNameMax = 0
    package var labelValueMax = 0
    package var targetsMax = 0
    package var groups: [TargetGroup] = []
    package var files: [FileDiscovery] = []
    package var names: [DNSDiscovery] = []
    package var location: SourceLocation

    package init(name: String, location: SourceLocation) {
        self.name = name
        self.location = location
    }

    /// A header that is sent with every scrape.
    package struct Header: Hashable, Sendable {
        package var name: String
        package var values: [Secret]
    }

    /// `tls_config`, `proxy_url`, `follow_redirects` and `enable_http2`.
    package struct Connection: Hashable, Sendable {
        package var certificateAuthorities: String?
        package var certificate: String?
        package var privateKey: String?
        package var serverName: String?
        package var verifiesServer = true
        package var requiresTLS13 = false
        package var proxy: String?
        package var followsRedirects = true
        package var allowsHTTP2 = true
    }

    /// The source's name at the door and on the sources page.
    package var source: String { "scrape/\(name)" }
}

/// Addresses that share labels.
package struct TargetGroup: Hashable, Sendable {
    package var targets: [[Label]]
    package var labels: [Label]

    /// - Parameters:
    ///   - addresses: `HOST:PORT` each.
    ///   - labels: For all of them.
    package init(addresses: [String], labels: [Label]) {
        targets = addresses.map { [Label("__address__", $0)] }
        self.labels = labels
    }

    package init(targets: [[Label]], labels: [Label]) {
        self.targets = targets
        self.labels = labels
    }
}

/// `file_sd_configs`: groups in files that are read again when they change.
package struct FileDiscovery: Hashable, Sendable {
    /// Paths; `*` and `?` in the last part stand for any names.
    package var paths: [String]
    /// How often everything is read again, changed or not.
    package var interval: Duration
}

/// `dns_sd_configs`: names that are asked for again and again.
package struct DNSDiscovery: Hashable, Sendable {
    package var names: [String]
    package var type: DNSRecord.Kind
    /// For records that tell no port.
    package var port: Int?
    package var interval: Duration
}
