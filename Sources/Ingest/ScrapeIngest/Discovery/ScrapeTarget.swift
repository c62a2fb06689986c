import Ingest
package import Model
import Timekeeping

/// A target as relabelling leaves it.
package struct ScrapeTarget: Hashable, Sendable {
    /// Labels that discovery and the job give, before relabelling.
    package var discovered: LabelSet
    /// What its series bear: no label that begins with `__`.
    package var labels: LabelSet
    package var url: String
    package var interval: Duration
    package var timeout: Duration

    /// What becomes of a target in relabelling.
    enum Outcome {
        case kept(ScrapeTarget)
        case dropped(LabelSet)
        /// Relabelling left nothing that could be scraped.
        case unusable(LabelSet, reason: String)
    }

    /// Applies a job's defaults and rules to one target of a group.
    ///
    /// - Source: Prometheus `scrape.PopulateLabels`, version 3: the address keeps its port as it is written.
    static func build(_ target: [Label], _ group: TargetGroup, _ job: ScrapeJob) -> Outcome {
        var labels = WorkingLabels(target.filter { !$0.value.isEmpty })
        for label in group.labels where !labels.has(label.name) {
            labels.set(label.name, label.value)
        }
        let defaults = [
            ("job", job.name), ("__scrape_interval__", job.interval.prometheusText),
            ("__scrape_timeout__", job.timeout.prometheusText), ("__metrics_path__", job.path),
            ("__scheme__", job.scheme),
        ]
        for (name, value) in defaults where labels[name].isEmpty { labels.set(name, value) }
        for (name, values) in job.parameters {
            if let first = values.first { labels.set("__param_\(name)", first) }
        }
        let discovered = labels.labelSet
        guard job.relabelling.apply(to: &labels) else { return .dropped(discovered) }
        let address = labels["__address__"]
        guard !address.isEmpty else { return .unusable(discovered, reason: "no address") }
        guard !address.contains("/"), !address.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7f })
        else {
            return .unusable(
                discovered,
                reason: "\"\(address)\" is no address; have __address__ be HOST:PORT"
            )
        }
        let scheme = labels["__scheme__"]
        guard scheme == "http" || scheme == "https" else {
            return .unusable(
                discovered,
                reason: "\"\(scheme)\" is no scheme; have __scheme__ be http or https"
            )
        }
        guard let interval = Duration(prometheus: labels["__scrape_interval__"]), interval > .zero,
            let timeout = Duration(prometheus: labels["__scrape_timeout__"]), timeout > .zero,
            timeout <= interval
        else {
            return .unusable(
                discovered,
                reason: "the interval \"\(labels["__scrape_interval__"])\" and the timeout "
                    + "\"\(labels["__scrape_timeout__"])\" are not usable; give durations above 0, the "
                    + "timeout not over the interval"
            )
        }
        let url =
            "\(scheme)://\(address)" + URLText.path(labels["__metrics_path__"])
            + query(labels, job)
        if labels["instance"].isEmpty { labels.set("instance", address) }
        labels.removeAll { $0.name.hasPrefix("__") }
        return .kept(
            ScrapeTarget(
                discovered: discovered,
                labels: labels.labelSet,
                url: url,
                interval: interval,
                timeout: timeout
            )
        )
    }

    private static func query(_ labels: WorkingLabels, _ job: ScrapeJob) -> String {
        var parameters = job.parameters
        for label in labels.labels where label.name.hasPrefix("__param_") {
            let name = String(label.name.dropFirst(8))
            var values = parameters[name] ?? [""]
            if values.isEmpty { values = [""] }
            values[0] = label.value
            parameters[name] = values
        }
        let pairs = parameters.sorted { $0.key < $1.key }.flatMap { name, values in
            values.map { "\(URLText.queryPart(name))=\(URLText.queryPart($0))" }
        }
        return pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&")
    }

    /// When in its interval the target is scraped: the same after every start, spread over all targets.
    var offset: Duration {
        var hash = labels.fingerprint
        for byte in url.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        // The low bits of FNV are the better ones, but neighbours differ little in them.
        hash ^= hash >> 33
        hash = hash &* 0xff51_afd7_ed55_8ccd
        hash ^= hash >> 33
        let length = UInt64(max(1, interval.milliseconds))
        return .milliseconds(Int64(hash % length))
    }

    /// The first slot at or after a moment.
    func slot(from moment: Timestamp) -> Timestamp {
        let length = max(1, interval.milliseconds)
        let start = offset.milliseconds
        let passed = moment.milliseconds - start
        let slots = passed / length + (passed % length > 0 ? 1 : 0)
        return Timestamp(milliseconds: start + slots * length)
    }
}

/// Parts of an address, percent-encoded.
enum URLText {
    /// A path with a slash in front.
    static func path(_ path: String) -> String {
        (path.hasPrefix("/") ? "" : "/") + encoded(path) { "/-._~$&+,:;=@%!*'()".utf8.contains($0) }
    }

    /// A name or a value of a query, as forms write it.
    static func queryPart(_ text: String) -> String {
        encoded(text) { "-._~".utf8.contains($0) }.replacing("%20", with: "+")
    }

    private static func encoded(_ text: String, _ isPlain: (UInt8) -> Bool) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            let isWord = LabelText.isNameByte(byte)
            if isWord || isPlain(byte) {
                bytes.append(byte)
            } else {
                let digits = Array("0123456789ABCDEF".utf8)
                bytes += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
