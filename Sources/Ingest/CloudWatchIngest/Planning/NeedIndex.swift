package import Model

/// What needs may want of a metric, found by its namespace and name alone.
package struct NeedIndex: Sendable {
    /// A statistic that a need names, and the series name it does so by.
    package struct Wanted: Hashable, Sendable {
        /// The need's place in the list.
        package var need: Int
        package var statistic: CloudWatchStatistic
        package var name: String
    }

    /// Statistics tried for a selector that names its metric by a regular expression.
    package static let statisticsOfPatterns: [CloudWatchStatistic] =
        CloudWatchStatistic.Plain.allCases.map { .plain($0) }
        + ["50", "90", "95", "99", "99.9"].map { .upTo(.percentile, $0) }

    /// Needs that name their metric, by each stem that the name may begin with.
    private var byStem: [String: [Wanted]] = [:]
    /// Needs that name it by an expression, with their matchers on the name.
    private var patterns: [(need: Int, onName: [LabelMatcher])] = []

    package init(_ needs: [SelectorNeed]) {
        for (index, need) in needs.enumerated() where NeedIndex.nameText(of: need) != nil {
            guard let name = need.metricName else {
                let onName = need.matchers.filter { $0.name == LabelSet.metricName }
                patterns.append((index, onName))
                continue
            }
            var end = name.endIndex
            while let underscore = name[..<end].lastIndex(of: "_") {
                end = underscore
                let suffix = name[name.index(after: underscore)...]
                guard let statistic = CloudWatchStatistic(suffix: suffix) else { continue }
                byStem[String(name[..<underscore]), default: []].append(
                    Wanted(need: index, statistic: statistic, name: name)
                )
            }
        }
    }

    /// The text of a need that names its metric: a name or the expression of one; nil when it is none of ours.
    package static func nameText(of need: SelectorNeed) -> String? {
        if let name = need.metricName { return name.hasPrefix("aws_") ? name : nil }
        return need.matchers.first { $0.name == LabelSet.metricName && $0.operation == .matches }?
            .value
    }

    /// What is wanted of a metric, whatever its dimensions; by an expression in one spelling only.
    package func wanted(namespace: String, metric: String) -> [Wanted] {
        // The exporter's spelling parts more words, and so sorts first.
        let stems = SeriesNaming.stems(namespace: namespace, metric: metric).sorted()
        var found = stems.flatMap { byStem[$0] ?? [] }
        for (need, onName) in patterns {
            var taken: Set<CloudWatchStatistic> = []
            for stem in stems {
                for statistic in Self.statisticsOfPatterns where !taken.contains(statistic) {
                    let name = "\(stem)_\(statistic.suffix)"
                    guard onName.allSatisfy({ $0.matches(name) }) else { continue }
                    taken.insert(statistic)
                    found.append(Wanted(need: need, statistic: statistic, name: name))
                }
            }
        }
        return found
    }
}
