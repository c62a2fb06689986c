package import CloudWatchIngest
package import EFKIngest
package import ElasticsearchIngest
package import Ingest
package import Model
package import ScrapeIngest

/// Everything `tocsin.yaml` says, defaults filled in.
package struct DaemonSettings: Hashable, Sendable {
    package struct Server: Hashable, Sendable {
        /// `HOST:PORT` to serve HTTP on.
        package var listen = "127.0.0.1:9467"
        /// The address that links in pages begin with; nil: made from `listen`.
        package var externalURL: String?

        /// Connections at once; one more is answered 503.
        package var maxConnections = 10_000

        /// The address that links begin with, without a slash at its end.
        package var linkBase: String {
            var base = externalURL ?? "http://\(listen)"
            while base.hasSuffix("/") { base.removeLast() }
            return base
        }
    }

    package struct Store: Hashable, Sendable {
        /// What a start does when the middle of the sample log is damaged.
        package enum OnCorruption: String, Hashable, Sendable, CaseIterable {
            /// It fails, and says where.
            case stop
            /// The log ends there; what follows is put aside.
            case cut
        }

        /// The folder for the state file and the samples.
        package var path = "var/tocsin"
        /// How long samples stay in the rings.
        package var retention: Duration = .seconds(6 * 3600)
        /// How long samples that rules need stay at most; at or below `retention`: no longer than others.
        package var longWindowMax: Duration = .seconds(35 * 86400)
        package var maxSeries = 500_000
        /// Of those, percent that only recording rules and log metrics may take.
        package var reservedSeriesPercent = 5
        /// Series of one metric name at most; nil: as many as there may be in all.
        package var maxSeriesPerMetric: Int?
        /// New series of one source at most; nil: as many as there may be in all.
        package var maxSeriesPerSource: Int?
        package var maxMemoryBytes = 2 << 30
        /// Runs of samples with one start timestamp that are told apart for one series at most.
        package var startRunsMax = 128
        /// Whether samples are on disk too, and survive a restart.
        package var samplesOnDisk = true
        /// How much of the samples may be lost with the machine's power; zero: nothing that was acknowledged.
        package var commitInterval: Duration = .seconds(1)
        package var onCorruption = OnCorruption.stop
        package var logMaxMemoryBytes = 256 << 20
        package var logRetention: Duration = .seconds(3600)
    }

    package struct Evaluation: Hashable, Sendable {
        /// For groups that name no interval.
        package var interval: Duration = .seconds(15)
        /// How much earlier than now rules that read only CloudWatch series are judged.
        ///
        /// Nil: as long as samples take to arrive, by the accounts' periods and delays.
        package var settle: Duration?
        /// How long after a start absence is not judged.
        package var graceAfterStart: Duration = .seconds(120)
    }

    /// One account and its regions.
    package struct CloudWatch: Hashable, Sendable {
        package var regions: [String]
        /// A role to assume; nil: the credentials found are used as they are.
        package var roleARN: String?
        package var externalID: String?
        /// Another address than AWS's; nil: the region's own.
        package var endpoint: String?
        package var period: Duration = .seconds(60)
        /// How long a period settles before it is asked for; nil: each namespace's own.
        package var delay: Duration?
        /// How far back each poll reads again; nil: each namespace's own.
        package var reread: Duration?
        /// For the `account_id` label; nil: that of the role or of the credentials.
        package var accountID: String?
        /// Of all regions together; nil: no limit.
        package var budgetUSDPerMonth: Double?
        package var prices = CloudWatchPrices()
        /// Whether GetMetricStatistics is used where it is cheaper.
        package var metricStatistics = true
        /// Whether limits that no metric reports are looked up.
        package var lookups = true
        /// Another address than AWS's for RDS, EC2 and Auto Scaling.
        package var lookupEndpoint: String?
        /// Namespaces beside AWS's well-known ones.
        package var namespaces: [String] = []
        /// How often the list of metrics is renewed.
        package var catalogueRefresh: Duration = .seconds(15 * 60)
        /// How far back a series is read the first time or after an outage.
        package var backfillMax: Duration = .seconds(6 * 3600)
        /// Metrics polled in one region.
        package var maxMetrics = 5000
        package var location: SourceLocation
    }

    /// Reports of deploys.
    package struct Deploys: Hashable, Sendable {
        /// A file with the secret of GitHub's webhooks; nil: they are refused.
        package var githubSecretFile: String?
        /// A file with the token that other reports need; nil: they need none.
        package var tokenFile: String?
        /// Releases kept.
        package var kept = 10_000
        /// Pairs of service and environment.
        package var maxServices = 1000
    }

    /// CloudWatch's metric streams and log subscriptions, delivered by Firehose.
    package struct Firehose: Hashable, Sendable {
        /// A file with the access keys, one a line.
        package var accessKeyFile: String
        /// How long after its timestamp, the start of its period, a sample has arrived.
        package var arrival: Duration = .seconds(300)
        /// How much older than a series' newest sample one may be and still be taken.
        package var revisionWindow: Duration = .seconds(7200)
        /// Whether silent counters of load balancers are filled with zeros.
        package var fillZeros = true
        /// Bytes of a request as it comes.
        package var maxBodyBytes = 64 << 20
        /// Bytes of a request after decompression.
        package var maxDecodedBytes = 64 << 20
        /// Records of a request.
        package var maxRecords = 10_000
        /// Bytes of a record.
        package var maxRecordBytes = 1 << 20
        /// Bytes of all compressed records of a request after decompression.
        package var maxUnpackedBytes = 128 << 20
        /// Data points and log events of a request.
        package var maxPoints = 250_000
        /// Containers within containers of a record's JSON.
        package var maxDepth = 16
        /// Dimensions of a metric.
        package var maxDimensions = 30
        /// Metrics whose series are remembered.
        package var maxMetrics = 100_000
        /// Log events that are remembered, so that one sent again is not counted twice.
        package var logIDs = 500_000

        package init(accessKeyFile: String) { self.accessKeyFile = accessKeyFile }
    }

    package struct Sources: Hashable, Sendable {
        package var deploys = Deploys()
        package var cloudWatch: [CloudWatch] = []
        /// What Firehose delivers; nil: nothing.
        package var firehose: Firehose?
        /// Where the forward protocol is taken; nil: nowhere.
        package var forward: ForwardSettings?
        /// Elasticsearch and OpenSearch clusters that documents are read from.
        package var elasticsearch: [PullSettings] = []
        /// What is scraped; nil: nothing.
        package var scrape: ScrapeSettings?
        package var remoteWrite = true
        /// Whether Elasticsearch's `_bulk` and what goes with it are answered.
        package var bulk = true
        /// Bytes of a bulk request as it comes.
        package var bulkMaxBodyBytes = 100 << 20
        /// Bytes of a compressed bulk request after decompression.
        package var bulkMaxDecompressedBytes = 256 << 20
        /// Bytes of memory that the documents of one bulk request may take, by estimate.
        package var bulkMaxDecodedBytes = 512 << 20
        /// Document ids that are remembered, so that a document sent again is not counted twice.
        package var bulkIDs = 500_000
        /// Whether OTLP logs and metrics are taken.
        package var otlp = true
        /// Bytes of memory that the records of one OTLP request may take, by estimate.
        package var otlpMaxDecodedBytes = 256 << 20
        /// Series that OTLP's delta points are added up for.
        package var maxDeltaSeries = 100_000
        /// Resource attributes of OTLP that become labels.
        package var promotedAttributes: [String] = []
        /// The version that Elasticsearch's clients are told.
        package var elasticsearchVersion = "8.17.0"
        /// Bytes of a remote write or OTLP request as it comes.
        package var maxBodyBytes = 16 << 20
        /// Bytes of a remote write or OTLP request after decompression.
        package var maxDecodedBytes = 64 << 20
        /// Samples or records a second that one source may send; nil: no limit.
        package var maxSamplesPerSecond: Int?
        /// Rules for series that are pushed here.
        package var writeRelabelling: [RelabelRule] = []
        /// A sample further ahead of the clock is refused.
        package var maxClockSkew: Duration = .seconds(600)
    }

    package var server = Server()
    /// Files or folders with rules.
    package var rules = ["AlertRules"]
    /// Grafana dashboards whose series are pulled from CloudWatch too.
    package var dashboards: [String] = []
    package var store = Store()
    package var evaluation = Evaluation()
    package var sources = Sources()
    /// The on-call file.
    package var incidentsFile = "AlertRules/oncall.yaml"

    package init() {}
}
