import Model

/// Which samples of a run stay when about one a minute is enough.
///
/// These stay: the first of each minute, and any that comes 55 seconds or more after the one before, so that
/// what is sampled by the minute stays as it is; staleness markers and the sample after each; and what the detail
/// names. Thinning what is thin already changes nothing.
struct MinuteThinning {
    /// A sample is never thinned out this many ms after the one before it.
    static let spacing: Int64 = 55_000
    private static let minute: Int64 = 60_000

    var detail: RetentionNeed.Detail
    /// The newest sample before the run that is no marker.
    var before: (time: Int64, bits: UInt64)?
    /// True when a marker comes right before the run.
    var followsMarker = false
    /// The bits of the first sample after the run that is no marker.
    var after: UInt64?
    /// True for a series' newest samples: the last of them stays.
    var isNewest = false

    /// Moves the samples that stay to the front of the run.
    ///
    /// - Parameters:
    ///   - columns: Where the run lies.
    ///   - start: Its first sample.
    ///   - count: 0...`ChunkLayout.countMax`.
    /// - Returns: How many stay.
    func apply(_ columns: borrowing SampleColumns, at start: Int, count: Int) -> Int {
        let kept = kept(columns, start, count)
        var end = 0
        for index in 0..<count where kept & (1 << index) != 0 {
            columns[start + end] = columns[start + index]
            end += 1
        }
        return end
    }

    /// Bits by number of sample.
    private func kept(_ columns: borrowing SampleColumns, _ start: Int, _ count: Int) -> UInt128 {
        var kept: UInt128 = 0
        var last = before
        // Of the run; nil while that is outside of it.
        var lastIndex: Int?
        var followsMarker = followsMarker
        var extremes: (least: Int, greatest: Int)?
        for index in 0..<count {
            let (time, bits) = columns[start + index]
            guard bits != Staleness.bits else {
                kept |= 1 << index
                followsMarker = true
                continue
            }
            let isFirst =
                last.map {
                    time / MinuteThinning.minute != $0.time / MinuteThinning.minute
                        || time - $0.time >= MinuteThinning.spacing
                } ?? true
            if isFirst || followsMarker { kept |= 1 << index }
            followsMarker = false
            if detail.contains(.resets) {
                let value = Double(bitPattern: bits)
                if value.isNaN { kept |= 1 << index }
                if let last, value < Double(bitPattern: last.bits) {
                    kept |= 1 << index
                    if let lastIndex { kept |= 1 << lastIndex }
                }
            }
            if detail.contains(.extremes) {
                let startsMinute =
                    last.map { time / MinuteThinning.minute != $0.time / MinuteThinning.minute }
                    ?? true
                if startsMinute { keep(extremes, &kept) }
                extremes = startsMinute ? (index, index) : wider(extremes, index, columns, start)
            }
            last = (time, bits)
            lastIndex = index
        }
        keep(extremes, &kept)
        if let last, let lastIndex, detail.contains(.resets), let after,
            Double(bitPattern: after) < Double(bitPattern: last.bits)
        {
            kept |= 1 << lastIndex
        }
        if isNewest, count > 0 { kept |= 1 << (count - 1) }
        return kept
    }

    private func keep(_ extremes: (least: Int, greatest: Int)?, _ kept: inout UInt128) {
        guard let extremes else { return }
        kept |= 1 << extremes.least | 1 << extremes.greatest
    }

    /// The extremes with one more sample, by the rules of `min_over_time` and `max_over_time`.
    private func wider(
        _ extremes: (least: Int, greatest: Int)?,
        _ index: Int,
        _ columns: borrowing SampleColumns,
        _ start: Int
    ) -> (least: Int, greatest: Int) {
        guard var extremes else { return (index, index) }
        let value = Double(bitPattern: columns[start + index].bits)
        let least = Double(bitPattern: columns[start + extremes.least].bits)
        let greatest = Double(bitPattern: columns[start + extremes.greatest].bits)
        if value < least || least.isNaN { extremes.least = index }
        if value > greatest || greatest.isNaN { extremes.greatest = index }
        return extremes
    }
}
