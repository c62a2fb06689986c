import Buffers
import CloudWatchIngest
import EFKIngest
import Ingest
package import Model
import ScrapeIngest
import Timekeeping
import YAML

extension DaemonSettings {
    /// The bytes of a settings file.
    ///
    /// - Throws: Why it cannot be read.
    package static func bytes(at path: String) throws(DiagnosticList) -> [UInt8] {
        do {
            return try WholeFile.bytes(at: path)
        } catch {
            throw DiagnosticList([
                Diagnostic(
                    SourceLocation(file: path, line: 1, column: 1),
                    "cannot read the settings file: \(error); give its path with --config FILE"
                )
            ])
        }
    }

    /// Reads settings from a file's bytes.
    ///
    /// - Parameters:
    ///   - bytes: YAML.
    ///   - file: Its path, for messages; relative paths in it count from the working folder.
    ///   - environment: Values for `${NAME}`.
    /// - Returns: The settings, defaults filled in.
    /// - Throws: Every problem at once.
    package static func parse(
        _ bytes: [UInt8],
        file: String,
        environment: [String: String]
    ) throws(DiagnosticList) -> DaemonSettings {
        let node: YAMLNode
        do {
            node = try YAMLParser.parse(bytes, file: file)
        } catch {
            throw DiagnosticList(error.diagnostics)
        }
        let problems = DiagnosticCollector()
        let expanded = EnvironmentExpansion(environment: environment).expand(node, problems)
        let settings = SettingsReader(problems: problems).read(expanded)
        try problems.finish()
        return settings
    }
}

/// Reads the tree of `tocsin.yaml` into settings.
private struct SettingsReader {
    let problems: DiagnosticCollector

    func read(_ node: YAMLNode) -> DaemonSettings {
        var settings = DaemonSettings()
        let root = MappingReader(node, "the settings", problems)
        if let server = root.mapping("server", "server") {
            settings.server = read(server: server)
        }
        if root.has("rules") { settings.rules = root.strings("rules") }
        settings.dashboards = root.strings("dashboards")
        if let store = root.mapping("store", "store") { settings.store = read(store: store) }
        if let evaluation = root.mapping("evaluation", "evaluation") {
            settings.evaluation = read(evaluation: evaluation)
        }
        only("sqlite", root, "state")
        only("embedded", root, "samples")
        if let sources = root.mapping("sources", "sources") {
            settings.sources = read(sources: sources)
        }
        if let incidents = root.mapping("incidents", "incidents") {
            settings.incidentsFile = incidents.string("file") ?? settings.incidentsFile
            incidents.finish()
        }
        root.finish()
        return settings
    }

    private func read(server map: MappingReader) -> DaemonSettings.Server {
        var server = DaemonSettings.Server()
        server.listen = address(map, "listen") ?? server.listen
        server.externalURL = url(map, "external_url")
        server.maxConnections =
            map.integer("max_connections", in: 1...1_000_000) ?? server.maxConnections
        if let tls = map.mapping("tls", "server.tls") {
            for key in ["cert_file", "key_file", "client_ca_file"] where tls.has(key) {
                tls.report(key, notYet("TLS on the HTTP port", "put a proxy in front"))
            }
            tls.finish()
        }
        if map.has("tokens_file") {
            map.report(
                "tokens_file",
                notYet("access tokens", "listen on 127.0.0.1 or keep the port inside the cluster")
            )
        }
        map.finish()
        return server
    }

    private func read(store map: MappingReader) -> DaemonSettings.Store {
        var store = DaemonSettings.Store()
        let day = Duration.seconds(86400)
        store.path = map.string("path") ?? store.path
        store.retention =
            map.duration("retention", in: .seconds(600)...(day * 14)) ?? store.retention
        store.longWindowMax =
            map.duration("long_window_max", in: .zero...(day * 100)) ?? store.longWindowMax
        store.maxSeries = map.integer("max_series", in: 1000...50_000_000) ?? store.maxSeries
        store.reservedSeriesPercent =
            map.integer("reserved_series_percent", in: 0...50) ?? store.reservedSeriesPercent
        store.maxSeriesPerMetric = map.integer("max_series_per_metric", in: 1...50_000_000)
        store.maxSeriesPerSource = map.integer("max_series_per_source", in: 1...50_000_000)
        store.startRunsMax =
            map.integer("start_runs_max", in: 1...100_000) ?? store.startRunsMax
        store.maxMemoryBytes =
            map.bytes("max_memory", in: (16 << 20)...(1 << 40)) ?? store.maxMemoryBytes
        store.samplesOnDisk = map.bool("samples_on_disk") ?? store.samplesOnDisk
        store.commitInterval = commitInterval(map) ?? store.commitInterval
        store.onCorruption = map.choice("on_corruption") ?? store.onCorruption
        if let logs = map.mapping("logs", "store.logs") {
            store.logMaxMemoryBytes =
                logs.bytes("max_memory", in: (1 << 20)...(1 << 40)) ?? store.logMaxMemoryBytes
            store.logRetention =
                logs.duration("retention", in: .seconds(60)...(day * 14)) ?? store.logRetention
            logs.finish()
        }
        map.finish()
        return store
    }

    private func read(evaluation map: MappingReader) -> DaemonSettings.Evaluation {
        var evaluation = DaemonSettings.Evaluation()
        let hour = Duration.seconds(3600)
        evaluation.interval =
            map.duration("interval", in: .seconds(1)...hour) ?? evaluation.interval
        evaluation.settle = map.duration("settle", in: .zero...hour)
        evaluation.graceAfterStart =
            map.duration("grace_after_start", in: .zero...hour) ?? evaluation.graceAfterStart
        map.finish()
        return evaluation
    }

    private func read(sources map: MappingReader) -> DaemonSettings.Sources {
        var sources = DaemonSettings.Sources()
        sources.cloudWatch = map.mappings("cloudwatch", "a CloudWatch account").map(
            read(cloudWatch:)
        )
        if let firehose = map.mapping("firehose", "sources.firehose") {
            sources.firehose = read(firehose: firehose)
        }
        if let forward = map.mapping("forward", "sources.forward") {
            sources.forward = ForwardSettingsReader().read(forward)
        }
        if let scrape = map.mapping("scrape", "sources.scrape") {
            sources.scrape = ScrapeSettingsReader(problems: problems).read(scrape)
        }
        sources.maxSamplesPerSecond = map.integer("max_samples_per_second", in: 1...1_000_000_000)
        sources.writeRelabelling = RelabelRule.list("write_relabel_configs", of: map)
        sources.maxClockSkew =
            map.duration("max_clock_skew", in: .seconds(1)...(.seconds(86400)))
            ?? sources.maxClockSkew
        sources.elasticsearch = ElasticsearchSettingsReader(problems: problems).read(map)
        if let http = map.mapping("http_ingest", "sources.http_ingest") {
            sources.remoteWrite = http.bool("remote_write") ?? sources.remoteWrite
            sources.maxBodyBytes =
                http.bytes("max_body", in: (64 << 10)...(1 << 30)) ?? sources.maxBodyBytes
            sources.maxDecodedBytes =
                http.bytes("max_decoded", in: (64 << 10)...(4 << 30)) ?? sources.maxDecodedBytes
            read(bulk: http, into: &sources)
            sources.otlp = http.bool("otlp") ?? sources.otlp
            sources.otlpMaxDecodedBytes =
                http.bytes("otlp_max_decoded", in: (64 << 10)...(4 << 30))
                ?? sources.otlpMaxDecodedBytes
            sources.maxDeltaSeries =
                http.integer("max_delta_series", in: 1...50_000_000) ?? sources.maxDeltaSeries
            sources.promotedAttributes = http.strings("promote_resource_attributes")
            http.finish()
        }
        if let deploys = map.mapping("deploys", "sources.deploys") {
            sources.deploys = read(deploys: deploys)
        }
        if map.bool("heartbeats") ?? false {
            map.report("heartbeats", notYet("heartbeats", "set it to false"))
        }
        map.finish()
        return sources
    }

    private func read(bulk map: MappingReader, into sources: inout DaemonSettings.Sources) {
        let sizes = (64 << 10)...(4 << 30)
        sources.bulk = map.bool("bulk") ?? sources.bulk
        sources.bulkMaxBodyBytes =
            map.bytes("bulk_max_body", in: (64 << 10)...(1 << 30)) ?? sources.bulkMaxBodyBytes
        sources.bulkMaxDecompressedBytes =
            map.bytes("bulk_max_decompressed", in: sizes) ?? sources.bulkMaxDecompressedBytes
        sources.bulkMaxDecodedBytes =
            map.bytes("bulk_max_decoded", in: sizes) ?? sources.bulkMaxDecodedBytes
        sources.bulkIDs = map.integer("bulk_ids", in: 1000...100_000_000) ?? sources.bulkIDs
        let version = map.parsed("elasticsearch_version", "three numbers, such as 8.17.0") { text in
            let parts = text.split(separator: ".", omittingEmptySubsequences: false)
            return parts.count == 3 && parts.allSatisfy { Int($0) != nil } ? text : nil
        }
        sources.elasticsearchVersion = version ?? sources.elasticsearchVersion
    }

    private func read(deploys map: MappingReader) -> DaemonSettings.Deploys {
        var deploys = DaemonSettings.Deploys(
            githubSecretFile: map.string("github_secret_file"),
            tokenFile: map.string("token_file")
        )
        deploys.kept = map.integer("kept", in: 100...1_000_000) ?? deploys.kept
        deploys.maxServices = map.integer("max_services", in: 1...100_000) ?? deploys.maxServices
        map.finish()
        return deploys
    }

    private func read(firehose map: MappingReader) -> DaemonSettings.Firehose {
        var firehose = DaemonSettings.Firehose(accessKeyFile: map.string("access_key_file") ?? "")
        if firehose.accessKeyFile.isEmpty {
            map.report(
                "access_key_file",
                "sources.firehose needs access_key_file: the path of a file with the access key of the "
                    + "Firehose stream's HTTP endpoint"
            )
        }
        let sizes = (64 << 10)...(1 << 30)
        let day = Duration.seconds(86400)
        firehose.arrival = map.duration("arrival", in: .zero...day) ?? firehose.arrival
        firehose.revisionWindow =
            map.duration("revision_window", in: .zero...(day * 14)) ?? firehose.revisionWindow
        firehose.fillZeros = map.bool("fill_zeros") ?? firehose.fillZeros
        firehose.maxBodyBytes = map.bytes("max_body", in: sizes) ?? firehose.maxBodyBytes
        firehose.maxDecodedBytes = map.bytes("max_decoded", in: sizes) ?? firehose.maxDecodedBytes
        firehose.maxRecords = map.integer("max_records", in: 1...1_000_000) ?? firehose.maxRecords
        firehose.maxRecordBytes = map.bytes("max_record", in: sizes) ?? firehose.maxRecordBytes
        firehose.maxUnpackedBytes =
            map.bytes("max_unpacked", in: sizes) ?? firehose.maxUnpackedBytes
        firehose.maxPoints = map.integer("max_points", in: 1000...10_000_000) ?? firehose.maxPoints
        firehose.maxDepth = map.integer("max_depth", in: 4...64) ?? firehose.maxDepth
        firehose.maxDimensions =
            map.integer("max_dimensions", in: 1...1000) ?? firehose.maxDimensions
        firehose.maxMetrics =
            map.integer("max_metrics", in: 1000...10_000_000) ?? firehose.maxMetrics
        firehose.logIDs = map.integer("log_ids", in: 1000...100_000_000) ?? firehose.logIDs
        map.finish()
        return firehose
    }

    private func read(cloudWatch map: MappingReader) -> DaemonSettings.CloudWatch {
        var account = DaemonSettings.CloudWatch(
            regions: map.strings("regions"),
            location: map.location
        )
        account.roleARN = map.string("role_arn")
        account.externalID = map.string("external_id")
        account.endpoint = url(map, "endpoint")
        account.period =
            map.duration("period", in: .seconds(1)...(.seconds(86400))) ?? account.period
        account.delay = map.duration("delay", in: .zero...(.seconds(86400)))
        account.reread = map.duration("reread", in: .zero...(.seconds(86400)))
        account.accountID = map.parsed("account_id", "the twelve digits of an account") { text in
            text.count == 12 && text.allSatisfy { ("0"..."9").contains($0) } ? text : nil
        }
        account.budgetUSDPerMonth = map.number("budget_usd_per_month", in: 0...1e6)
        account.metricStatistics = map.bool("metric_statistics") ?? account.metricStatistics
        account.lookups = map.bool("lookups") ?? account.lookups
        account.lookupEndpoint = url(map, "lookup_endpoint")
        account.namespaces = map.strings("namespaces")
        account.catalogueRefresh =
            map.duration("list_refresh", in: .seconds(60)...(.seconds(86400)))
            ?? account.catalogueRefresh
        account.backfillMax =
            map.duration("backfill_max", in: .seconds(60)...(.seconds(14 * 86400)))
            ?? account.backfillMax
        account.maxMetrics = map.integer("max_metrics", in: 1...1_000_000) ?? account.maxMetrics
        if let prices = map.mapping("prices", "prices") {
            let defaults = CloudWatchPrices()
            account.prices.metricsPerThousand =
                prices.number("metrics_per_1000", in: 0...1000) ?? defaults.metricsPerThousand
            account.prices.requestsPerThousand =
                prices.number("requests_per_1000", in: 0...1000) ?? defaults.requestsPerThousand
            account.prices.freeRequests =
                prices.integer("free_requests", in: 0...1_000_000_000) ?? defaults.freeRequests
            prices.finish()
        }
        map.finish()
        return account
    }

    private func commitInterval(_ map: MappingReader) -> Duration? {
        let longest = Duration.seconds(60)
        return map.parsed(
            "commit_interval",
            "\"always\" or a duration from 10ms to \(longest.prometheusText)"
        ) { text in
            if text == "always" { return .zero }
            guard let interval = Duration(prometheus: text),
                (.milliseconds(10)...longest).contains(interval)
            else { return nil }
            return interval
        }
    }

    /// A setting of which this version knows one value.
    private func only(_ value: String, _ map: MappingReader, _ key: String) {
        guard let node = map.node(key), node.text != value else { return }
        map.report(
            key,
            "\"\(key)\" can only be \"\(value)\" in this version; set it so or remove it"
        )
    }

    private func notYet(_ what: String, _ instead: String) -> String {
        "\(what) is not in this version yet; \(instead), and remove this setting"
    }

    private func address(_ map: MappingReader, _ key: String) -> String? {
        map.parsed(key, "HOST:PORT, such as 127.0.0.1:9467") { text in
            guard let colon = text.lastIndex(of: ":"),
                let port = Int(text[text.index(after: colon)...]), (0...65535).contains(port)
            else { return nil }
            return text
        }
    }

    private func url(_ map: MappingReader, _ key: String) -> String? {
        map.parsed(key, "an address that begins with http:// or https://") { text in
            text.hasPrefix("http://") || text.hasPrefix("https://") ? text : nil
        }
    }
}
