package import CloudWatchIngest
package import Model
import Timekeeping

/// Finds the zeros of a load balancer's counters, which CloudWatch streams as little as it answers them.
///
/// As with what is pulled (`LoadBalancerZeros`), but a minute's counters may come in several requests, in any order. What
/// came before is looked up in the store, so that a zero never stands over a count; a count that comes later replaces the
/// zero. A stream may be told to leave metrics out, so a minute counts as watched only when a counter of response codes
/// came for it, which any traffic causes.
package struct SilentCounters: Sendable {
    private let selection: PushSelection
    private let store: any SeriesReading

    package init(selection: PushSelection, store: any SeriesReading) {
        self.selection = selection
        self.store = store
    }

    /// Zeros of one series.
    package struct Zeros: Sendable {
        package var labels: LabelSet
        /// Oldest first.
        package var samples: [Sample]
    }

    private struct Group: Hashable {
        var owner: MetricOwner
        var dimensions: [CloudWatchMetric.Dimension]
    }

    /// The zeros that the counters of a request call for, as series of rules that read them.
    ///
    /// - Throws: When the store cannot be read.
    package func zeros(
        of counters: [PushedMetric: [Sample]]
    ) throws(SeriesReadingError) -> [Zeros] {
        var groups: [Group: [PushedMetric: [Sample]]] = [:]
        for (pushed, samples) in counters {
            let group = Group(owner: pushed.owner, dimensions: pushed.metric.dimensions)
            groups[group, default: [:]][pushed] = samples
        }
        var found: [Zeros] = []
        for (group, counters) in groups {
            found += try zeros(of: counters, group.owner)
        }
        return found.sorted { $0.labels < $1.labels }
    }

    private func zeros(
        of came: [PushedMetric: [Sample]],
        _ owner: MetricOwner
    ) throws(SeriesReadingError) -> [Zeros] {
        let codeTimes = Set(
            came.filter { $0.key.metric.name != LoadBalancerZeros.requestCount }
                .flatMap { $0.value.map(\.timestamp) }
        )
        guard let first = codeTimes.min(), let last = codeTimes.max() else { return [] }
        let range = TimeRange(after: first - .milliseconds(1), through: last)
        let members = LoadBalancerZeros.unlisted(beside: came.keys.map(\.metric))
            .map { PushedMetric($0, owner) }
        var results: [QueryKey: (start: Timestamp, samples: [Sample])] = [:]
        var wanted: [QueryKey: [LabelSet]] = [:]
        for member in members {
            let labels = selection.series(of: member).filter { $0.statistic == .plain(.sum) }
                .map(\.labels)
            guard !labels.isEmpty || came[member] != nil else { continue }
            var samples = came[member] ?? []
            if let labels = labels.first { samples += try stored(labels, range) }
            if member.metric.name == LoadBalancerZeros.requestCount {
                samples.removeAll { !codeTimes.contains($0.timestamp) }
            }
            let key = QueryKey(
                metric: member.metric,
                statistic: .plain(.sum),
                period: .seconds(60)
            )
            results[key] = (first, samples)
            wanted[key] = labels
        }
        return LoadBalancerZeros.zeros(in: results).flatMap { key, samples in
            let samples = samples.filter { codeTimes.contains($0.timestamp) }
            return samples.isEmpty
                ? [] : (wanted[key] ?? []).map { Zeros(labels: $0, samples: samples) }
        }
    }

    /// What the store has of a series.
    private func stored(
        _ labels: LabelSet,
        _ range: TimeRange
    ) throws(SeriesReadingError) -> [Sample] {
        let matchers = labels.labels.map { LabelMatcher($0.name, equals: $0.value) }
        return try store.select(
            SeriesSelection(matchers: matchers, range: range),
            sampleLimit: .max
        ).first { $0.labels == labels }?.samples ?? []
    }
}
