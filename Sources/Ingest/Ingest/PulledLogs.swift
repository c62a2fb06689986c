package import Model
package import Timekeeping

/// The running total of one set of labels of a log metric, as it is after a pulled page.
///
/// It goes to disk in one transaction with the position behind the page, before any count of the page is in the
/// rings: so a restart knows of every page whether it was counted, and by how much.
package struct LogTotal: Hashable, Sendable {
    /// What metric, labels and buckets it is of; totals of another shape are another's.
    package var shape: String
    /// Values, in the order of the shape's label names.
    package var labels: [String]
    /// Counter: one; histogram: a count a bucket (not cumulative), +Inf among them, and the sum.
    package var totals: [Double]
    /// The slot of its newest sample, in milliseconds.
    package var stamp: Int64
    /// The pulled source that added to it last.
    package var source: String

    package init(
        shape: String,
        labels: [String],
        totals: [Double],
        stamp: Int64,
        source: String
    ) {
        self.shape = shape
        self.labels = labels
        self.totals = totals
        self.stamp = stamp
        self.source = source
    }
}

/// Gives back the totals that pulled pages left.
package protocol LogTotalReading: Sendable {
    func loadLogTotals() throws -> [LogTotal]
}

/// How far a source has been read.
package struct PullPosition: Hashable, Sendable, Codable {
    /// Everything before this time that could be seen has been counted.
    package var readTo: Timestamp
    /// From this time on, every document that was counted is among those that are remembered.
    package var knownFrom: Timestamp

    package init(readTo: Timestamp, knownFrom: Timestamp) {
        self.readTo = readTo
        self.knownFrom = knownFrom
    }
}

/// A document that was counted.
package struct PulledDocument: Hashable, Sendable {
    /// A hash of index and id.
    package var key: Int64
    package var at: Timestamp

    package init(key: Int64, at: Timestamp) {
        self.key = key
        self.at = at
    }
}

/// What goes to disk in one transaction when a page is taken.
package struct PullCommit: Hashable, Sendable {
    package var source: String
    package var position: PullPosition
    /// Documents of the page.
    package var counted: [PulledDocument]
    /// What the log metrics stand at with the page.
    package var totals: [LogTotal] = []

    package init(source: String, position: PullPosition, counted: [PulledDocument]) {
        self.source = source
        self.position = position
        self.counted = counted
    }
}

/// What an earlier run left of a source.
package struct StoredPull: Hashable, Sendable {
    package var position: PullPosition
    /// Those at or after `position.knownFrom`.
    package var counted: [PulledDocument]

    package init(position: PullPosition, counted: [PulledDocument]) {
        self.position = position
        self.counted = counted
    }
}

/// Keeps positions over restarts.
package protocol PullStoring: LogTotalReading {
    /// Nil when the source was never read.
    func loadPull(_ source: String) throws -> StoredPull?

    /// Writes all of it or nothing; on disk when it returns.
    ///
    /// Documents before the position's `knownFrom` are forgotten.
    func commitPull(_ commit: PullCommit) throws
}

/// Records of one page on their way in; give the same page again until it is admitted.
package struct PulledPage: Sendable {
    package let records: [LogRecord]
    /// The log rules have seen it.
    var isJudged = false

    package init(_ records: [LogRecord]) {
        self.records = records
    }
}

/// The door for pages of pulled log records, which are counted exactly once.
package protocol PageAdmitting: Sendable {
    /// Judges, counts and keeps a page; blocks until its counts are in the metric rings.
    ///
    /// - Parameters:
    ///   - page: Tried again after `overloaded`.
    ///   - source: The source's name.
    ///   - commit: Called once the page is certain to be counted and before it is; must write position and totals
    ///     in one transaction. When it throws, nothing is counted.
    /// - Returns: `admitted` once the page is counted; `overloaded`, with nothing of it counted, when it cannot be now.
    func admit(
        _ page: inout PulledPage,
        from source: String,
        commit: @escaping @Sendable ([LogTotal]) throws -> Void
    ) -> AdmissionOutcome
}
