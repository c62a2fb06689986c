import Synchronization
package import Telemetry

/// What a metric is: its kind, what it means and its unit.
package struct MetricMetadata: Hashable, Sendable {
    /// As Prometheus names them.
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case unknown, counter, gauge, histogram, gaugehistogram, summary, info, stateset
    }

    package var kind: Kind
    package var help: String
    package var unit: String

    package init(kind: Kind, help: String, unit: String) {
        self.kind = kind
        self.help = help
        self.unit = unit
    }
}

/// What senders tell about metrics, for `/api/v1/metadata`; lost at the end of the process and sent again soon.
package final class MetadataCatalogue: Sendable {
    /// What is kept at most.
    package struct Limits: Hashable, Sendable {
        /// Metrics.
        package var metricsMax = 20000
        /// Different descriptions of one metric.
        package var perMetricMax = 8
        /// Bytes of a help text or a unit; longer ones are cut.
        package var textBytesMax = 1024
        /// Bytes of a metric's name; longer ones are refused.
        package var nameBytesMax = 1024

        package init() {}
    }

    private let limits: Limits
    private let refused: Counter
    private let metrics = Mutex<[String: [MetricMetadata]]>([:])

    package init(limits: Limits = Limits(), metrics: MetricsRegistry) {
        self.limits = limits
        refused = metrics.counter(
            "tocsin_metadata_refused",
            help: "Descriptions of metrics that were not kept, because there are too many.",
            labels: []
        )
    }

    /// Keeps a description; one that is there already changes nothing.
    package func note(_ metric: String, _ metadata: MetricMetadata) {
        var metadata = metadata
        metadata.help = MetadataCatalogue.cut(metadata.help, limits.textBytesMax)
        metadata.unit = MetadataCatalogue.cut(metadata.unit, limits.textBytesMax)
        let isKept = metrics.withLock { metrics -> Bool in
            guard var known = metrics[metric] else {
                guard metrics.count < limits.metricsMax, !metric.isEmpty,
                    metric.utf8.count <= limits.nameBytesMax
                else { return false }
                metrics[metric] = [metadata]
                return true
            }
            if known.contains(metadata) { return true }
            guard known.count < limits.perMetricMax else { return false }
            known.append(metadata)
            metrics[metric] = known
            return true
        }
        if !isKept { refused.add() }
    }

    /// Descriptions by metric, in order of name; of all metrics, or of one.
    package func descriptions(
        of metric: String? = nil
    ) -> [(metric: String, metadata: [MetricMetadata])] {
        metrics.withLock { metrics in
            if let metric { return metrics[metric].map { [(metric, $0)] } ?? [] }
            return metrics.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        }
    }

    /// The first characters of a text that fit.
    private static func cut(_ text: String, _ bytes: Int) -> String {
        guard text.utf8.count > bytes else { return text }
        var end = text.startIndex
        while end < text.endIndex {
            let next = text.index(after: end)
            guard text.utf8.distance(from: text.startIndex, to: next) <= bytes else { break }
            end = next
        }
        return String(text[..<end])
    }
}
