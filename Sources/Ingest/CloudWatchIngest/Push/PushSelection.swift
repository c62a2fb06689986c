package import Model
import Synchronization

/// Finds the series that a pushed metric is stored under: those that the loaded rules select, as if it were pulled.
///
/// A stream brings every dimension set of a metric. What is stored is what a pull would have asked for, under the same
/// names and labels, so that a rule gives the same answer either way and sums do not count twice.
package final class PushSelection: Sendable {
    /// A series of a metric that some rule reads.
    package struct Series: Hashable, Sendable {
        package var statistic: CloudWatchStatistic
        /// With the name.
        package var labels: LabelSet
    }

    private struct State {
        var needs: [SelectorNeed] = []
        var index = NeedIndex([])
        var found: [PushedMetric: [Series]] = [:]
    }

    private let metricsMax: Int
    private let state = Mutex(State())

    /// A selection that remembers its answer for at most `metricsMax` metrics; for others it is found anew each time.
    package init(metricsMax: Int) {
        precondition(metricsMax > 0, "at least one metric is remembered")
        self.metricsMax = metricsMax
    }

    /// Metrics whose answer is remembered.
    package var count: Int { state.withLock { $0.found.count } }

    /// Replaces what the loaded rules, SLOs and dashboards select.
    package func update(needs: [SelectorNeed]) {
        let index = NeedIndex(needs)
        state.withLock { state in
            state.needs = needs
            state.index = index
            state.found = [:]
        }
    }

    /// The series of a metric, in a stable order; empty when no rule reads it.
    package func series(of pushed: PushedMetric) -> [Series] {
        state.withLock { state in
            if let known = state.found[pushed] { return known }
            let found = PushSelection.series(of: pushed, state.index, state.needs)
            if state.found.count < metricsMax { state.found[pushed] = found }
            return found
        }
    }

    private static func series(
        of pushed: PushedMetric,
        _ index: NeedIndex,
        _ needs: [SelectorNeed]
    ) -> [Series] {
        let metric = pushed.metric
        var found: [String: CloudWatchStatistic] = [:]
        for one in index.wanted(namespace: metric.namespace, metric: metric.name)
        where pushed.owner.isSelected(metric, by: needs[one.need].matchers) {
            found[one.name] = one.statistic
        }
        guard !found.isEmpty else { return [] }
        let labels = pushed.owner.labels(of: metric)
        return found.sorted { $0.key < $1.key }.map { name, statistic in
            var series = labels
            series[LabelSet.metricName] = name
            return Series(statistic: statistic, labels: series)
        }
    }
}
