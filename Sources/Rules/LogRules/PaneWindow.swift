import Model

/// Records of one key in steps of event time, for what is computed over the last few steps.
///
/// A late record takes its place as long as its step is in the window.
struct PaneWindow: Codable, Sendable {
    private struct Pane: Codable, Sendable {
        /// The step's number since 1970: `(number * step, (number + 1) * step]`.
        var number: Int64
        var records = 0
        var counted = 0
        var values = 0
        var sum = 0.0
        var least = 0.0
        var most = 0.0
        /// Only for percentiles.
        var numbers: [Double] = []
        /// Only for the number of different values.
        var texts: Set<String> = []

        init(number: Int64) { self.number = number }
    }

    /// What is in the window.
    struct Summary: Sendable {
        var records = 0
        var counted = 0
        var values = 0
        var sum = 0.0
        var least: Double?
        var most: Double?
        var numbers: [Double] = []
        var texts: Set<String> = []

        /// The aggregate; nil for one that nothing has none of.
        func value(_ aggregation: LogRuleDefinition.Aggregation) -> Double? {
            switch aggregation {
            case .min: least
            case .max: most
            case .average: values == 0 ? nil : sum / Double(values)
            case .sum: sum
            case .valueCount: Double(values)
            case .cardinality: Double(texts.count)
            case .percentile(let percent):
                numbers.isEmpty ? nil : Summary.percentile(numbers.sorted(), percent)
            }
        }

        /// Linear between the two nearest, as Elasticsearch's digest gives it for few values.
        private static func percentile(_ sorted: [Double], _ percent: Double) -> Double {
            let place = Double(sorted.count - 1) * percent / 100
            let below = Int(place.rounded(.down))
            let above = min(below + 1, sorted.count - 1)
            return sorted[below] + (sorted[above] - sorted[below]) * (place - Double(below))
        }
    }

    /// By number, ascending.
    private var panes: [Pane] = []

    /// Takes a record; returns true when a value had no room.
    mutating func take(
        _ event: RuleEvent,
        _ aggregation: LogRuleDefinition.Aggregation?,
        step: Int64,
        panesMax: Int,
        valuesMax: Int
    ) -> Bool {
        let number = PaneWindow.number(event.at, step)
        var place = panes.count
        while place > 0, panes[place - 1].number > number { place -= 1 }
        if place == 0 || panes[place - 1].number != number {
            panes.insert(Pane(number: number), at: place)
            place += 1
        }
        let index = place - 1
        panes[index].records += 1
        if event.isCounted { panes[index].counted += 1 }
        var isFull = false
        if case .cardinality? = aggregation, let value = event.values.first ?? nil {
            panes[index].values += 1
            if panes[index].texts.count < valuesMax / max(1, panesMax) {
                panes[index].texts.insert(value)
            } else {
                isFull = !panes[index].texts.contains(value)
            }
        } else if case .valueCount? = aggregation, event.values.first ?? nil != nil {
            panes[index].values += 1
        } else if aggregation != nil, let value = event.number {
            let isFirst = panes[index].values == 0
            panes[index].values += 1
            panes[index].sum += value
            panes[index].least = isFirst ? value : min(panes[index].least, value)
            panes[index].most = isFirst ? value : max(panes[index].most, value)
            if case .percentile? = aggregation {
                if panes[index].numbers.count < valuesMax / max(1, panesMax) {
                    panes[index].numbers.append(value)
                } else {
                    isFull = true
                }
            }
        }
        // Panes ahead of the window (a sender's clock) are bounded too.
        if panes.count > 2 * panesMax + 2 { panes.removeFirst() }
        return isFull
    }

    /// The last `panes` steps that end at `now`, and forgets what is older.
    mutating func summary(endingAt now: Int64, step: Int64, panes count: Int) -> Summary {
        let last = PaneWindow.number(now, step)
        panes.removeAll { $0.number <= last - Int64(count) }
        var summary = Summary()
        for pane in panes where pane.number <= last {
            summary.records += pane.records
            summary.counted += pane.counted
            summary.sum += pane.sum
            if pane.values > 0 {
                summary.least = min(summary.least ?? pane.least, pane.least)
                summary.most = max(summary.most ?? pane.most, pane.most)
            }
            summary.values += pane.values
            summary.numbers += pane.numbers
            summary.texts.formUnion(pane.texts)
        }
        return summary
    }

    /// The step that a moment is in; the end of a step belongs to it.
    private static func number(_ at: Int64, _ step: Int64) -> Int64 {
        let moment = at - 1
        return moment >= 0 ? moment / step : -((-moment + step - 1) / step)
    }
}
