/// What became of a batch at the door.
package enum AdmissionOutcome: Sendable {
    /// Taken: the samples that are not refused are in the rings.
    case admitted(AppendResult)
    /// Not taken at all; the sender should come again after `retryAfter`.
    case overloaded(retryAfter: Duration, reason: String)
}

/// The one door to the metric store: limits, clock skew, watermarks and counters for every source.
package protocol SampleAdmitting: Sendable {
    /// Blocks until the shards have taken the batch.
    ///
    /// - Parameters:
    ///   - batch: Admitted whole or not at all, apart from the samples the result refuses.
    ///   - source: The source's name, as in `SourceStatus.name`; watermarks and counters are kept by it.
    /// - Returns: What was taken and what was refused, or when to come again.
    func admit(_ batch: SampleBatch, from source: String) -> AdmissionOutcome
}

/// The one door for log records: derived metrics, then the log rings.
package protocol LogAdmitting: Sendable {
    /// Blocks until derived counts are in the metric rings and the records in the log rings.
    func admit(_ records: [LogRecord], from source: String) -> AdmissionOutcome
}

/// Appends samples that the service computes itself (recording rules, ALERTS) past the door.
package protocol SampleAppending: Sendable {
    /// Blocks until the shards have taken the batch.
    func append(_ batch: SampleBatch) -> AppendResult
}

/// A selector that something loaded depends on: what a pull source must fetch, how far back.
package struct SelectorNeed: Hashable, Sendable {
    /// Matchers, the metric name among them when the selector names one.
    package var matchers: [LabelMatcher]
    /// How far back the selector looks: range plus offset, at least the lookback of five minutes.
    package var reach: Duration
    /// The rules and objectives that read it; empty for a selector that stands alone.
    package var readers: Set<NeedReader>

    package init(matchers: [LabelMatcher], reach: Duration, readers: Set<NeedReader> = []) {
        self.matchers = matchers
        self.reach = reach
        self.readers = readers
    }

    /// The metric name when an equality matcher gives one.
    package var metricName: String? {
        matchers.first { $0.name == LabelSet.metricName && $0.operation == .equal }?.value
    }
}
