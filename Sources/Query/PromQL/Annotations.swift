import PromQLSyntax
import Timekeeping

/// Warnings and infos of a query, each text once, in the order they arose.
struct Annotations {
    /// How many texts of each kind are kept; of the rest, only how many there are.
    private let countMax: Int
    private var warningTexts: [String] = []
    private var infoTexts: [String] = []
    private var warningsOmitted = 0
    private var infosOmitted = 0
    private var seen: Set<String> = []
    /// Merged over steps: one note a metric and place.
    private var monotonicity: [(metric: String, span: SourceSpan, note: ForcedMonotonicity)] = []

    init(countMax: Int) { self.countMax = countMax }

    mutating func add(warning text: String, at span: SourceSpan) {
        let full = "PromQL warning: \(text) (\(span.position))"
        guard seen.insert(full).inserted else { return }
        if warningTexts.count < countMax {
            warningTexts.append(full)
        } else {
            warningsOmitted += 1
        }
    }

    mutating func add(info text: String, at span: SourceSpan) {
        let full = "PromQL info: \(text) (\(span.position))"
        guard seen.insert(full).inserted else { return }
        if infoTexts.count + monotonicity.count < countMax {
            infoTexts.append(full)
        } else {
            infosOmitted += 1
        }
    }

    mutating func add(_ note: ForcedMonotonicity, metric: String, at span: SourceSpan) {
        let index = monotonicity.firstIndex {
            $0.metric == metric && $0.span.position == span.position
        }
        if let index {
            monotonicity[index].note.merge(note)
        } else if infoTexts.count + monotonicity.count < countMax {
            monotonicity.append((metric, span, note))
        } else if seen.insert("\(span.position) \(metric)").inserted {
            infosOmitted += 1
        }
    }

    var warnings: [String] {
        guard warningsOmitted > 0 else { return warningTexts }
        return warningTexts + ["\(warningsOmitted) more warning annotations omitted"]
    }

    var infos: [String] {
        let texts =
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
        guard infosOmitted > 0 else { return texts }
        return texts + ["\(infosOmitted) more info annotations omitted"]
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
