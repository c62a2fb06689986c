import Model
import Timekeeping

/// What is kept of a series for longer than the store keeps all samples.
struct RetentionClass: Hashable, Sendable {
    /// Nothing.
    static let none = RetentionClass(wholeExtra: 0, extra: 0, detail: [])

    /// For so many ms more every sample stays.
    var wholeExtra: Int64
    /// For so many ms more some samples stay; at least `wholeExtra`.
    var extra: Int64
    /// Which, beside one a minute.
    var detail: RetentionNeed.Detail

    mutating func formUnion(_ other: RetentionClass) {
        wholeExtra = max(wholeExtra, other.wholeExtra)
        extra = max(extra, other.extra)
        detail.formUnion(other.detail)
    }
}

/// The needs that go beyond the retention, ready to be asked about each series.
struct LongWindows: Sendable {
    struct Need: Sendable {
        var matchers: [LabelMatcher]
        var retention: RetentionClass
    }

    /// How much longer than its reach a need is kept, for instant selectors and evaluations that are late.
    static let slack: Duration = .seconds(300)

    private(set) var needs: [Need] = []
    /// Needs by the metric they name.
    private var byMetric: [String: [Int]] = [:]
    /// Those that name none.
    private var nameless: [Int] = []

    /// No needs.
    init() {}

    /// - Parameters:
    ///   - needs: Of all rules; those within the retention are left out.
    ///   - retention: How long all samples stay.
    ///   - longest: How long any sample stays at most.
    init(_ needs: [RetentionNeed], retention: Duration, longest: Duration) {
        func extra(_ reach: Duration) -> Int64 {
            guard reach > retention, longest > retention else { return 0 }
            return (min(reach, longest) + LongWindows.slack - retention).milliseconds
        }
        for need in needs where extra(need.reach) > 0 {
            if let name = need.metricName {
                byMetric[name, default: []].append(self.needs.count)
            } else {
                nameless.append(self.needs.count)
            }
            self.needs.append(
                Need(
                    matchers: need.matchers,
                    retention: RetentionClass(
                        wholeExtra: extra(need.wholeReach),
                        extra: extra(need.reach),
                        detail: need.detail
                    )
                )
            )
        }
    }

    var isEmpty: Bool { needs.isEmpty }

    /// True when no need can be of a metric.
    func neverName(_ metric: String) -> Bool { nameless.isEmpty && byMetric[metric] == nil }

    /// What is needed of a series with these labels.
    func retention(of labels: LabelSet) -> RetentionClass {
        var retention = RetentionClass.none
        for number in byMetric[labels[LabelSet.metricName]] ?? [] {
            add(number, &retention, labels)
        }
        for number in nameless { add(number, &retention, labels) }
        return retention
    }

    private func add(_ number: Int, _ retention: inout RetentionClass, _ labels: LabelSet) {
        guard needs[number].matchers.allSatisfy({ $0.matches(labels) }) else { return }
        retention.formUnion(needs[number].retention)
    }
}
