import Model

/// Keeping what rules with long windows need.
extension ShardCore {
    /// Takes over the needs that hold now, unless it has; what nobody needs any more goes at the next sweep.
    mutating func adopt(_ board: LongWindowBoard) {
        guard board.version != longWindowsVersion else { return }
        let (version, windows) = board.current
        longWindowsVersion = version
        longWindows = windows
        storage.forgetNeeds()
        for need in windows.needs {
            for series in index.series(matching: need.matchers, storage) {
                storage.require(series, need.retention)
            }
        }
    }

    /// Notes what is needed of a new series.
    mutating func requireNew(_ series: UInt32) {
        guard !longWindows.isEmpty else { return }
        if let metric = metricName(series), longWindows.neverName(metric) { return }
        let labels = index.labelSet(series, storage)
        storage.require(series, longWindows.retention(of: labels))
    }

    private func metricName(_ series: UInt32) -> String? {
        guard let name = index.findName(LabelSet.metricName, storage.slab) else { return nil }
        let head = storage.head(series)
        let pairs = unsafe storage.slab.address(head.labels).assumingMemoryBound(to: UInt32.self)
        for label in 0..<Int(head.labelCount) where unsafe index.name(of: pairs[label]) == name {
            return unsafe index.string(pairs[label], storage.slab)
        }
        return nil
    }
}
