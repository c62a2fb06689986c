import PromQLSyntax
import Timekeeping

/// Warnings and infos of a query, each text once, in the order they arose.
struct Annotations {
    private var warningTexts: [String] = []
    private var infoTexts: [String] = []
    private var seen: Set<String> = []
    /// Merged over steps: one note a metric and place.
    private var monotonicity: [(metric: String, span: SourceSpan, note: ForcedMonotonicity)] = []

    mutating func add(warning text: String, at span: SourceSpan) {
        let full = "PromQL warning: \(text) (\(span.position))"
        if seen.insert(full).inserted { warningTexts.append(full) }
    }

    mutating func add(info text: String, at span: SourceSpan) {
        let full = "PromQL info: \(text) (\(span.position))"
        if seen.insert(full).inserted { infoTexts.append(full) }
    }

    mutating func add(_ note: ForcedMonotonicity, metric: String, at span: SourceSpan) {
        let index = monotonicity.firstIndex {
            $0.metric == metric && $0.span.position == span.position
        }
        if let index {
            monotonicity[index].note.merge(note)
        } else {
            monotonicity.append((metric, span, note))
        }
    }

    var warnings: [String] { warningTexts }

    var infos: [String] {
        infoTexts
            + monotonicity.map { entry in
                let name =
                    entry.metric.isEmpty
                    ? "" : " for metric name \(GoQuoting.quoted(entry.metric))"
                return "PromQL info: input to histogram_quantile needed to be fixed for "
                    + "monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/"
                    + "functions/#histogram_quantile)\(name), \(entry.note.text) "
                    + "(\(entry.span.position))"
            }
    }
}

/// How far the buckets of a histogram had to be corrected to grow with their bounds.
struct ForcedMonotonicity {
    var bucketMin: Double
    var bucketMax: Double
    var differenceMax: Double
    var sampleCount = 1
    /// Milliseconds since 1970.
    var first: Int64
    var last: Int64

    mutating func merge(_ other: ForcedMonotonicity) {
        bucketMin = min(bucketMin, other.bucketMin)
        bucketMax = max(bucketMax, other.bucketMax)
        differenceMax = max(differenceMax, other.differenceMax)
        sampleCount += other.sampleCount
        first = min(first, other.first)
        last = max(last, other.last)
    }

    var text: String {
        "from buckets \(PromQLNumber.general(bucketMin)) to \(PromQLNumber.general(bucketMax)), "
            + "with a max diff of \(PromQLNumber.general(differenceMax)), over \(sampleCount) "
            + "samples from \(Timestamp(milliseconds: first).rfc3339) "
            + "to \(Timestamp(milliseconds: last).rfc3339)"
    }
}
