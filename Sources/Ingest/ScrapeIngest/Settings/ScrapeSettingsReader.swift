import Buffers
import Ingest
import Model
import Timekeeping
package import YAML

/// Reads `sources.scrape` of the settings, and Prometheus's own file, into what is scraped.
package struct ScrapeSettingsReader {
    /// Defaults that jobs inherit.
    struct Global {
        var interval: Duration = .seconds(60)
        var timeout: Duration = .seconds(10)
        var job = ScrapeJob(name: "", location: SourceLocation(file: "", line: 1, column: 1))
    }

    let problems: DiagnosticCollector

    package init(problems: DiagnosticCollector) { self.problems = problems }

    /// Reads the section; relative paths in it count from the working folder, those in a Prometheus file from
    /// that file's folder.
    package func read(_ map: MappingReader) -> ScrapeSettings {
        var settings = ScrapeSettings()
        settings.concurrentMax =
            map.integer("max_concurrent", in: 1...10_000) ?? settings.concurrentMax
        settings.targetsMax = map.integer("max_targets", in: 1...1_000_000) ?? settings.targetsMax
        settings.bodyMax = map.bytes("max_body", in: (64 << 10)...(1 << 30)) ?? settings.bodyMax
        let global = map.mapping("global", "sources.scrape.global").map { read(global: $0) }
        settings.jobs = jobs("scrape_configs", of: map, global ?? Global(), folder: "")
        for path in map.strings("prometheus_files") {
            settings.jobs += prometheusFile(path, from: map.keyLocation("prometheus_files"))
        }
        map.finish()
        rejectRepeated(settings.jobs)
        return settings
    }

    /// The jobs of an unchanged `prometheus.yml`; what is not about scraping is passed over.
    private func prometheusFile(_ path: String, from location: SourceLocation) -> [ScrapeJob] {
        guard let root = tree(path, from: location) else { return [] }
        let map = MappingReader(root, "the Prometheus file", problems)
        for key in PrometheusKeys.notScraping { _ = map.node(key) }
        let global = map.mapping("global", "global").map { read(global: $0) } ?? Global()
        let folder = path.folder
        var jobs = jobs("scrape_configs", of: map, global, folder: folder)
        for pattern in map.strings("scrape_config_files") {
            for file in PathPattern.files(pattern.inFolder(folder)) {
                guard let root = tree(file, from: map.keyLocation("scrape_config_files")) else {
                    continue
                }
                let map = MappingReader(root, "a file of scrape_config_files", problems)
                jobs += self.jobs("scrape_configs", of: map, global, folder: file.folder)
                map.finish()
            }
        }
        map.finish()
        return jobs
    }

    private func tree(_ path: String, from location: SourceLocation) -> YAMLNode? {
        let bytes: [UInt8]
        do {
            bytes = try WholeFile.bytes(at: path)
        } catch {
            problems.report(location, "cannot read \(path): \(error); check the path and its mode")
            return nil
        }
        do {
            return try YAMLParser.parse(bytes, file: path)
        } catch {
            problems.report(error.diagnostics)
            return nil
        }
    }

    private func read(global map: MappingReader) -> Global {
        for key in PrometheusKeys.globalNotScraping { _ = map.node(key) }
        var global = Global()
        global.interval = interval(map, "scrape_interval") ?? global.interval
        global.timeout =
            interval(map, "scrape_timeout") ?? min(global.timeout, global.interval)
        if global.timeout > global.interval {
            map.report(
                "scrape_timeout",
                "\"scrape_timeout\" of \(map.what) is longer than \"scrape_interval\"; make it shorter"
            )
        }
        ScrapeJobReader(folder: "").readLimits(map, &global.job)
        map.finish()
        return global
    }

    private func jobs(
        _ key: String,
        of map: MappingReader,
        _ global: Global,
        folder: String
    ) -> [ScrapeJob] {
        map.mappings(key, "a scrape config").compactMap {
            ScrapeJobReader(folder: folder).read($0, global)
        }
    }

    private func rejectRepeated(_ jobs: [ScrapeJob]) {
        var seen: [String: SourceLocation] = [:]
        for job in jobs {
            guard let first = seen.updateValue(job.location, forKey: job.name) else { continue }
            problems.report(
                job.location,
                "job \"\(job.name)\" is already defined at \(first); rename one of them"
            )
            seen[job.name] = first
        }
    }

    private func interval(_ map: MappingReader, _ key: String) -> Duration? {
        map.duration(key, in: .milliseconds(1)...(.seconds(86400)))
    }
}

/// Keys of Prometheus's files that say nothing about scraping.
enum PrometheusKeys {
    static let notScraping = [
        "rule_files", "alerting", "remote_write", "remote_read", "storage", "tracing", "otlp",
        "runtime",
    ]
    static let globalNotScraping = [
        "evaluation_interval", "external_labels", "query_log_file", "rule_query_offset",
        "scrape_failure_log_file", "scrape_native_histograms", "metric_name_validation_scheme",
        "metric_name_escaping_scheme", "always_scrape_classic_histograms",
        "convert_classic_histograms_to_nhcb", "extra_scrape_metrics",
    ]
    /// Of a job: about formats that are not asked for, so that there is nothing to do.
    static let jobWithoutEffect = [
        "scrape_classic_histograms", "always_scrape_classic_histograms", "keep_dropped_targets",
        "convert_classic_histograms_to_nhcb", "native_histogram_bucket_limit",
        "native_histogram_min_bucket_factor", "scrape_native_histograms",
        "fallback_scrape_protocol",
        "metric_name_validation_scheme", "metric_name_escaping_scheme", "scrape_failure_log_file",
        "extra_scrape_metrics",
    ]
}

extension String {
    /// Everything up to the last slash, empty when there is none.
    var folder: String { lastIndex(of: "/").map { String(self[...$0]) } ?? "" }

    /// The path as it counts from a folder.
    func inFolder(_ folder: String) -> String { hasPrefix("/") ? self : folder + self }
}
