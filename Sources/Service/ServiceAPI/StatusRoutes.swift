package import HTTPServer
package import MetricStore
package import Model
import PromQLSyntax
package import Timekeeping

/// What the service tells of itself under `/api/v1/status`, in the shapes that Prometheus's clients read.
package struct StatusRoutes: Sendable {
    /// What does not change while the process runs.
    package struct Process: Sendable {
        package var startedAt: Timestamp
        package var workingFolder: String
        package var hostname: String
        /// Processors that the process may use.
        package var processors: Int
        /// How long samples stay in the rings.
        package var retention: Duration
        /// The command line's options by name, with the settings that stand for Prometheus's flags.
        package var flags: [String: String]

        package init(
            startedAt: Timestamp,
            workingFolder: String,
            hostname: String,
            processors: Int,
            retention: Duration,
            flags: [String: String]
        ) {
            self.startedAt = startedAt
            self.workingFolder = workingFolder
            self.hostname = hostname
            self.processors = processors
            self.retention = retention
            self.flags = flags
        }
    }

    /// How the files that run were loaded.
    package struct Loading: Sendable {
        /// The settings file's text as it was read: names of secret files and `${NAME}`, never what they stand for.
        package var settingsText: String
        /// False when a later reload failed.
        package var isCurrent: Bool
        package var at: Timestamp

        package init(settingsText: String, isCurrent: Bool, at moment: Timestamp) {
            self.settingsText = settingsText
            self.isCurrent = isCurrent
            at = moment
        }
    }

    private let process: Process
    private let loading: @Sendable () -> Loading
    private let statistics: @Sendable () -> MetricStoreStatistics
    private let labelSets: @Sendable () throws(SeriesReadingError) -> [LabelSet]
    private let clock: any WallClock

    /// Series beyond which labels are not counted: their names would take more memory than the answer is worth.
    package static let countedSeriesMax = 200_000

    /// - Parameters:
    ///   - process: What does not change.
    ///   - loading: How the files that run were loaded.
    ///   - statistics: Of the metric rings.
    ///   - labelSets: The labels of every series, for counts over them.
    ///   - clock: The server's time.
    package init(
        process: Process,
        loading: @escaping @Sendable () -> Loading,
        statistics: @escaping @Sendable () -> MetricStoreStatistics,
        labelSets: @escaping @Sendable () throws(SeriesReadingError) -> [LabelSet],
        clock: any WallClock
    ) {
        self.process = process
        self.loading = loading
        self.statistics = statistics
        self.labelSets = labelSets
        self.clock = clock
    }

    package var routes: [HTTPRoute] {
        [
            HTTPRoute("GET", "/api/v1/status/config", .blocking(config)),
            HTTPRoute("GET", "/api/v1/status/flags", .blocking(flags)),
            HTTPRoute("GET", "/api/v1/status/runtimeinfo", .blocking(runtime)),
            HTTPRoute("GET", "/api/v1/status/tsdb", .blocking(store)),
            HTTPRoute("GET", "/api/v1/query_exemplars", .inline(exemplars)),
            HTTPRoute("POST", "/api/v1/query_exemplars", .inline(exemplars)),
        ]
    }

    @Sendable private func config(_ request: HTTPRequest) -> HTTPResponse {
        PrometheusReply.success { writer in
            writer.map([(key: "yaml", value: SecretMask.masked(loading().settingsText))])
        }
    }

    @Sendable private func flags(_ request: HTTPRequest) -> HTTPResponse {
        PrometheusReply.success { $0.map(process.flags.sorted { $0.key < $1.key }) }
    }

    @Sendable private func runtime(_ request: HTTPRequest) -> HTTPResponse {
        let loading = loading()
        return PrometheusReply.success { writer in
            writer.object { writer in
                writer.field("startTime", process.startedAt.rfc3339)
                writer.field("CWD", process.workingFolder)
                writer.field("hostname", process.hostname)
                writer.field("serverTime", clock.now().rfc3339)
                writer.field("reloadConfigSuccess", raw: "\(loading.isCurrent)")
                writer.field("lastConfigTime", loading.at.rfc3339)
                writer.field("corruptionCount", raw: "0")
                writer.field("GOMAXPROCS", raw: "\(process.processors)")
                writer.field("storageRetention", process.retention.prometheusText)
            }
        }
    }

    @Sendable private func store(_ request: HTTPRequest) -> HTTPResponse {
        PrometheusReply.answering(request) { parameters throws(PrometheusFailure) in
            let limit = try parameters.limit("limit") ?? 10
            let held = statistics()
            var warnings: [String] = []
            var census = SeriesCensus([])
            if held.series <= StatusRoutes.countedSeriesMax {
                do throws(SeriesReadingError) {
                    census = SeriesCensus(try labelSets())
                } catch { throw PrometheusFailure(error) }
            } else {
                warnings.append(
                    "labels are not counted over more than \(StatusRoutes.countedSeriesMax) series"
                )
            }
            return PrometheusReply.success(warnings: warnings) { writer in
                writer.object { writer in
                    writer.key("headStats")
                    writer.object { writer in
                        writer.field("numSeries", raw: "\(held.series)")
                        writer.field("numLabelPairs", raw: "\(held.labelPairs)")
                        writer.field("numSamples", raw: "\(held.samples)")
                        writer.field("bytes", raw: "\(held.bytes)")
                        writer.field("seriesLimit", raw: "\(held.seriesMax)")
                        writer.field("bytesLimit", raw: "\(held.bytesMax)")
                    }
                    writer.key("seriesCountByMetricName")
                    writer.array { writer in
                        for metric in held.topMetrics.prefix(limit) {
                            writer.object { writer in
                                writer.field("name", metric.name)
                                writer.field("value", raw: "\(metric.series)")
                            }
                        }
                    }
                    let lists = [
                        ("labelValueCountByLabelName", census.valuesByLabel),
                        ("memoryInBytesByLabelName", census.bytesByLabel),
                        ("seriesCountByLabelValuePair", census.seriesByPair),
                    ]
                    for (key, rows) in lists {
                        writer.key(key)
                        writer.array { writer in
                            for row in rows.prefix(limit) {
                                writer.object { writer in
                                    writer.field("name", row.name)
                                    writer.field("value", raw: "\(row.count)")
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// The rings hold no exemplars.
    @Sendable private func exemplars(_ request: HTTPRequest) -> HTTPResponse {
        PrometheusReply.success { $0.array { _ in } }
    }
}
