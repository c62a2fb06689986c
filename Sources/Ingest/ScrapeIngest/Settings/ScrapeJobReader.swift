import Ingest
import Model
import Timekeeping
import YAML

/// Reads one entry of `scrape_configs`.
struct ScrapeJobReader {
    /// Where relative paths count from; empty for the working folder, else with a slash at its end.
    let folder: String

    func read(_ map: MappingReader, _ global: ScrapeSettingsReader.Global) -> ScrapeJob? {
        let name = map.requiredString("job_name")
        var job = global.job
        job.name = name ?? ""
        job.location = map.location
        readTimes(map, global, &job)
        job.path = map.string("metrics_path") ?? job.path
        job.scheme =
            map.choice("scheme", among: [("http", "http"), ("https", "https")]) ?? job.scheme
        job.parameters = parameters(map)
        job.honorLabels = map.bool("honor_labels") ?? false
        job.honorTimestamps = map.bool("honor_timestamps") ?? true
        job.tracksTimestampStaleness = map.bool("track_timestamps_staleness") ?? false
        job.compresses = map.bool("enable_compression") ?? true
        readLimits(map, &job)
        job.relabelling = RelabelRule.list("relabel_configs", of: map)
        job.metricRelabelling = RelabelRule.list("metric_relabel_configs", of: map)
        readCredentials(map, &job)
        readConnection(map, &job)
        readDiscovery(map, &job)
        for key in PrometheusKeys.jobWithoutEffect { _ = map.node(key) }
        refuseOthers(map)
        map.finish()
        return name == nil ? nil : job
    }

    private func readTimes(
        _ map: MappingReader,
        _ global: ScrapeSettingsReader.Global,
        _ job: inout ScrapeJob
    ) {
        let range = Duration.milliseconds(1)...(.seconds(86400))
        let timeout = map.duration("scrape_timeout", in: range)
        job.interval = map.duration("scrape_interval", in: range) ?? global.interval
        job.timeout = timeout ?? min(global.timeout, job.interval)
        if job.timeout > job.interval {
            map.report(
                "scrape_timeout",
                "\"scrape_timeout\" of \(map.what) is longer than its interval of "
                    + "\(job.interval.prometheusText); make it shorter"
            )
        }
    }

    /// Limits and formats, which `global` may set for all jobs.
    func readLimits(_ map: MappingReader, _ job: inout ScrapeJob) {
        let any = 0...Int(Int32.max)
        job.bodyMax = map.bytes("body_size_limit", in: 0...(1 << 40)) ?? job.bodyMax
        job.samplesMax = map.integer("sample_limit", in: any) ?? job.samplesMax
        job.labelsMax = map.integer("label_limit", in: any) ?? job.labelsMax
        job.labelNameMax = map.integer("label_name_length_limit", in: any) ?? job.labelNameMax
        job.labelValueMax = map.integer("label_value_length_limit", in: any) ?? job.labelValueMax
        job.targetsMax = map.integer("target_limit", in: any) ?? job.targetsMax
        _ = map.node("keep_dropped_targets")
        guard map.has("scrape_protocols") else { return }
        let names = map.strings("scrape_protocols")
        job.formats = names.compactMap { name in
            let format = ScrapeJob.Format(rawValue: name)
            if format == nil {
                map.report(
                    "scrape_protocols",
                    "unknown scrape protocol \"\(name)\"; use "
                        + ScrapeJob.Format.allCases.map(\.rawValue).joined(separator: ", ")
                )
            }
            return format
        }.filter { $0 != .protobuf }
        if job.formats.isEmpty, !names.isEmpty {
            map.report(
                "scrape_protocols",
                "only text formats are read here; add PrometheusText0.0.4 to \"scrape_protocols\""
            )
        }
    }

    private func parameters(_ map: MappingReader) -> [String: [String]] {
        guard let params = map.mapping("params", "params") else { return [:] }
        var result: [String: [String]] = [:]
        for key in params.keys.compactMap(\.text) { result[key] = params.strings(key) }
        return result
    }

    private func readDiscovery(_ map: MappingReader, _ job: inout ScrapeJob) {
        job.groups = map.mappings("static_configs", "a static config").map { group in
            defer { group.finish() }
            return TargetGroupReader.read(group, labels: [])
        }
        job.files = map.mappings("file_sd_configs", "a file_sd config").map { map in
            defer { map.finish() }
            let paths = map.strings("files")
            if paths.isEmpty {
                map.report("files", "a file_sd config needs \"files\"; list paths of YAML or JSON")
            }
            for path in paths where !PathPattern.isUsable(path) {
                map.report(
                    "files",
                    "\"\(path)\" is no path of a file_sd config; it ends in .yml, .yaml or .json, "
                        + "and has * in its last part only"
                )
            }
            return FileDiscovery(
                paths: paths.map { $0.inFolder(folder) },
                interval: map.duration("refresh_interval", in: .seconds(1)...(.seconds(86400)))
                    ?? .seconds(300)
            )
        }
        job.names = map.mappings("dns_sd_configs", "a dns_sd config").map(names)
    }

    private func names(_ map: MappingReader) -> DNSDiscovery {
        defer { map.finish() }
        let names = map.strings("names")
        if names.isEmpty { map.report("names", "a dns_sd config needs \"names\"; list them") }
        let kinds = DNSRecord.Kind.allCases
        let type =
            map.parsed("type", "one of \(kinds.map(\.name).joined(separator: ", "))") { text in
                kinds.first { $0.name == text.uppercased() }
            } ?? .service
        let port = map.integer("port", in: 1...65535)
        if type != .service, port == nil {
            map.report("type", "a dns_sd config of type \(type.name) needs \"port\"; add it")
        }
        return DNSDiscovery(
            names: names,
            type: type,
            port: port,
            interval: map.duration("refresh_interval", in: .seconds(1)...(.seconds(86400)))
                ?? .seconds(30)
        )
    }

    /// Kinds of discovery that Prometheus has and this has not.
    private func refuseOthers(_ map: MappingReader) {
        for key in map.keys.compactMap(\.text) where key.hasSuffix("_sd_configs") {
            guard !["file_sd_configs", "dns_sd_configs"].contains(key), map.has(key) else {
                continue
            }
            map.report(
                key,
                "\"\(key)\" is not supported; have its targets written to a file and read them "
                    + "with file_sd_configs, or use dns_sd_configs or static_configs"
            )
        }
        if map.has("oauth2") {
            map.report(
                "oauth2",
                "\"oauth2\" is not supported; write a token to a file and name it in "
                    + "authorization.credentials_file"
            )
        }
    }
}

/// Reads groups of targets, of settings and of files alike.
enum TargetGroupReader {
    /// - Parameters:
    ///   - map: `targets` and `labels`.
    ///   - labels: What else the group's targets bear, such as the file they come from.
    /// - Returns: The group, without what was reported.
    static func read(_ map: MappingReader, labels: [Label]) -> TargetGroup {
        let addresses = map.strings("targets")
        for address in addresses where address.contains("/") {
            map.report(
                "targets",
                "\"\(address)\" is no target; give HOST:PORT, and the rest of the address in "
                    + "\"scheme\" and \"metrics_path\""
            )
        }
        let own = map.stringMap("labels")
        for name in own.keys.sorted() where !LabelText.isName(name) {
            map.report("labels", "\"\(name)\" is no label name; use letters, digits and _")
        }
        return TargetGroup(
            addresses: addresses,
            labels: own.sorted { $0.key < $1.key }.map { Label($0.key, $0.value) } + labels
        )
    }
}
