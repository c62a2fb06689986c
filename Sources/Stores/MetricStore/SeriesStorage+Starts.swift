import Model

/// Start timestamps: beside the series, of those that have any.
extension SeriesStorage {
    /// Bytes that the runs of one series take, about.
    private static func bytes(_ starts: StartTimes?) -> Int {
        starts.map { 96 + $0.runs.count * MemoryLayout<StartTimes.Run>.stride } ?? 0
    }

    /// True when the series has start timestamps; the head should be loaded.
    @inline(__always)
    func hasStarts(_ series: UInt32) -> Bool { unsafe heads[Int(series)].hasStarts != 0 }

    /// A series' start timestamps; nil when none is known.
    @inline(__always)
    func startTimes(_ series: UInt32) -> StartTimes? {
        hasStarts(series) ? starts[series] : nil
    }

    /// Keeps the start timestamp of a sample that was just taken, 0 for none.
    mutating func note(start: Int64, of series: UInt32, time: Int64) -> StartOutcome {
        var known = startTimes(series) ?? StartTimes()
        guard
            let changes = known.changes(
                time: time,
                start: start,
                isNewest: unsafe time >= heads[Int(series)].lastTimestamp
            )
        else { return .unchanged }
        guard budget.hasRoom || start == 0 else {
            forgetStarts(series)
            return .noMemory
        }
        let before = SeriesStorage.bytes(startTimes(series))
        // Held here alone, the runs are changed where they are.
        starts[series] = nil
        known.apply(changes.first)
        if let second = changes.second { known.apply(second) }
        let isCut = known.keep(countMax: startRunsMax)
        settle(series, known, before: before)
        return isCut ? .cut : .applied
    }

    /// Makes runs the series' own, whatever it had.
    mutating func adopt(_ known: StartTimes, of series: UInt32) {
        settle(series, known, before: SeriesStorage.bytes(startTimes(series)))
    }

    /// Forgets the start timestamps of a series.
    mutating func forgetStarts(_ series: UInt32) {
        guard hasStarts(series) else { return }
        settle(series, StartTimes(), before: SeriesStorage.bytes(starts[series]))
    }

    /// Forgets the runs of samples at or before `oldest`.
    mutating func trimStarts(_ series: UInt32, oldest: Int64) {
        guard var known = startTimes(series) else { return }
        let before = SeriesStorage.bytes(known)
        known.drop(before: oldest)
        settle(series, known, before: before)
    }

    private mutating func settle(_ series: UInt32, _ known: StartTimes, before: Int) {
        let kept = known.isEmpty ? nil : known
        starts[series] = kept
        unsafe heads[Int(series)].hasStarts = kept == nil ? 0 : 1
        let change = SeriesStorage.bytes(kept) - before
        startBytes += change
        budget.add(bytes: change)
    }

    /// What became of a sample's start timestamp.
    enum StartOutcome {
        /// It is that of the samples around it.
        case unchanged
        case applied
        /// The oldest runs went, as there were more than may be.
        case cut
        /// The memory limit is reached: the series has no start timestamps now.
        case noMemory
    }
}
