/// The start timestamps (created timestamps) of a series' samples, run by run.
///
/// A start timestamp says since when a counter has counted; it changes only when the counter begins anew, so it is kept
/// for runs of samples, not for each. All times are milliseconds since 1970; a start of 0 is not known.
package struct StartTimes: Hashable, Sendable {
    /// Samples at or after `from`, up to the next run, have the start `start`.
    package struct Run: Hashable, Sendable {
        package var from: Int64
        package var start: Int64

        package init(from: Int64, start: Int64) {
            self.from = from
            self.start = start
        }
    }

    /// A step by which the runs changed: from `from` on, up to the next run, samples have the start `start`.
    ///
    /// The same steps in the same order give the same runs, whatever samples there are.
    package typealias Change = Run

    /// By time; samples before the first have no known start.
    package private(set) var runs: [Run] = []

    package init() {}

    /// The runs of samples given one by one, oldest first.
    package init(_ starts: some Sequence<(time: Int64, start: Int64)>) {
        for one in starts where one.start != (runs.last?.start ?? 0) {
            runs.append(Run(from: one.time, start: one.start))
        }
    }

    package var isEmpty: Bool { runs.isEmpty }

    /// The start of a sample at `time`; 0 when it is not known.
    package subscript(time: Int64) -> Int64 {
        let place = place(after: time)
        return place > 0 ? runs[place - 1].start : 0
    }

    /// How many runs begin at or before `time`.
    private func place(after time: Int64) -> Int {
        if let last = runs.last, last.from <= time { return runs.count }
        var (low, high) = (0, runs.count)
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].from <= time { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The start that all samples from `first` on share; nil when they may differ.
    @inlinable package func single(from first: Int64) -> Int64? {
        guard let last = runs.last else { return 0 }
        return last.from <= first ? last.start : nil
    }

    /// Applies a change.
    package mutating func apply(_ change: Change) {
        let place = place(after: change.from)
        if place > 0, runs[place - 1].from == change.from {
            let before = place > 1 ? runs[place - 2].start : 0
            if before == change.start {
                runs.remove(at: place - 1)
            } else {
                runs[place - 1].start = change.start
            }
        } else if (place > 0 ? runs[place - 1].start : 0) != change.start {
            runs.insert(change, at: place)
        }
    }

    /// What to change so that the sample at `time`, and no other, has the start `start`.
    ///
    /// - Parameters:
    ///   - time: The sample's.
    ///   - start: Its start, 0 when it is not known.
    ///   - isNewest: True when the series has no later sample.
    /// - Returns: One change or two, to be applied in their order; nil when the sample has that start.
    package func changes(
        time: Int64,
        start: Int64,
        isNewest: Bool
    ) -> (first: Change, second: Change?)? {
        let place = place(after: time)
        let known = place > 0 ? runs[place - 1].start : 0
        guard known != start else { return nil }
        let change = Change(from: time, start: start)
        guard !isNewest, time < .max else { return (change, nil) }
        // Samples between this one and the next run keep what they have.
        if place < runs.count, runs[place].from == time + 1 { return (change, nil) }
        return (change, Change(from: time + 1, start: known))
    }

    /// Forgets the oldest runs until there are no more than `countMax`; true when there were.
    ///
    /// Their samples then have no known start.
    package mutating func keep(countMax: Int) -> Bool {
        guard runs.count > countMax else { return false }
        runs.removeFirst(runs.count - countMax)
        return true
    }

    /// Forgets the runs that have no sample after `oldest`.
    package mutating func drop(before oldest: Int64) {
        let place = place(after: oldest)
        if place > 1 { runs.removeFirst(place - 1) }
    }
}

extension StartTimes {
    /// Reads starts of samples that come in order of time.
    package struct Cursor {
        private let runs: [Run]
        private var next: Int

        package init(_ starts: StartTimes) {
            runs = starts.runs
            next = 0
        }

        /// The start of the sample at `time`, which is not before that of the call before; 0 when it is not known.
        package mutating func start(at time: Int64) -> Int64 {
            while next < runs.count, runs[next].from <= time { next += 1 }
            return next > 0 ? runs[next - 1].start : 0
        }
    }
}

/// What start timestamps say of neighbouring samples, as Prometheus 3.14 reads them with `use-start-timestamps`.
package enum StartTime {
    /// True when the start timestamps of two neighbours tell that the counter began anew between them.
    ///
    /// - Parameters:
    ///   - previousStart: Of the older sample; 0 when it is not known.
    ///   - previousTime: When it was taken.
    ///   - start: Of the newer sample.
    ///   - time: When it was taken.
    /// - Returns: Whether the newer sample counts from zero.
    @inlinable
    package static func isReset(
        previousStart: Int64,
        previousTime: Int64,
        start: Int64,
        time: Int64
    ) -> Bool {
        // Not known, beyond its own sample, or OpenTelemetry's way to say that it is not known (the sample's own time).
        guard start != 0, start < time, start >= previousTime else { return false }
        if start > previousTime { return true }
        // It points at the sample before: each sample is a delta, or the series had an unknown start there.
        return previousStart < previousTime && previousStart != 0
    }

    /// True when the newer of two neighbours says it has counted since before the older one, from another start.
    @inlinable
    package static func overlaps(
        previousStart: Int64,
        previousTime: Int64,
        start: Int64
    ) -> Bool {
        start != 0 && start < previousTime && start != previousStart
    }
}
