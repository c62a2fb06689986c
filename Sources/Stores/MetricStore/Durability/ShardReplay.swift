import SampleLog

/// Brings a shard's data to the state that its log tells of.
struct ShardReplay: ~Copyable {
    /// What was found on the way.
    struct Tally: Sendable {
        var samples = 0
        /// Series for which `store.max_series`, now lower, left no room.
        var seriesLeftOut = 0
    }

    private let window: SeriesStorage.Window
    private let coverage: SnapshotCoverage
    private var decoded = DecodedSamples()
    private var labels = CanonicalLabels()
    private(set) var tally = Tally()

    /// - Parameters:
    ///   - oldest: Samples at or before this are out of retention.
    ///   - coverage: What the snapshot holds that was loaded before.
    init(oldest: Int64, coverage: SnapshotCoverage) {
        self.coverage = coverage
        // Everything in the log was judged when it was taken: what is late now was let in then.
        window = SeriesStorage.Window(oldest: oldest, newest: .max, lateWindow: .max)
    }

    /// Does what a record says; false when it makes no sense.
    mutating func apply(
        _ payload: UnsafeRawBufferPointer,
        end: UInt64,
        to core: inout ShardCore
    ) -> Bool {
        guard let kind = unsafe payload.first else { return false }
        switch kind {
        case RecordKind.samples:
            guard unsafe RecordDecoder.samples(payload, into: &decoded) else { return false }
            append(to: &core, end)
            return true
        case RecordKind.series: return unsafe create(payload, in: &core, end)
        case RecordKind.removed:
            guard let gone = unsafe RecordDecoder.removed(payload) else { return false }
            core.restoreRemoval(gone.filter { !coverage.holds($0, end) })
            return true
        default: return false
        }
    }

    private mutating func append(to core: inout ShardCore, _ end: UInt64) {
        let isPartlyHeld = end <= coverage.end
        let count = decoded.count
        let series = unsafe decoded.series
        let (times, bits) = unsafe (decoded.times, decoded.bits)
        let heads = UInt32(core.storage.headCount)
        var nextStart = 0
        for place in 0..<count {
            let far = unsafe series[min(place &+ 12, count &- 1)]
            if far < heads { core.storage.prefetchHead(far) }
            let near = unsafe series[min(place &+ 5, count &- 1)]
            if near < heads { core.storage.prefetchSlot(near) }
            let one = unsafe series[place]
            var start: Int64?
            if nextStart < decoded.starts.count, decoded.starts[nextStart].place == place {
                start = decoded.starts[nextStart].start
                nextStart += 1
            }
            guard one < heads, unsafe core.storage.heads[Int(one)].state != SeriesHead.State.free
            else { continue }
            if isPartlyHeld, coverage.holds(one, end) { continue }
            _ = unsafe core.storage.append(
                one,
                time: times[place],
                bits: bits[place],
                window: window
            )
            // Also of a sample that is too old by now: later ones may have the same.
            if let start { unsafe core.restore(start: start, of: one, time: times[place]) }
        }
        tally.samples += count
    }

    private mutating func create(
        _ payload: UnsafeRawBufferPointer,
        in core: inout ShardCore,
        _ end: UInt64
    ) -> Bool {
        var labels = CanonicalLabels()
        swap(&labels, &self.labels)
        var isSound = true
        var leftOut = 0
        let isRead = unsafe RecordDecoder.series(payload) { number, hash, bytes in
            guard isSound, unsafe labels.read(bytes) else {
                isSound = false
                return
            }
            guard !coverage.holds(number, end) else { return }
            let hash = LabelHash(primary: hash.0, secondary: hash.1)
            if unsafe !core.restore(number, labels.fields, bytes, hash) { leftOut += 1 }
        }
        swap(&labels, &self.labels)
        tally.seriesLeftOut += leftOut
        return isRead && isSound
    }
}

extension ShardCore {
    /// Makes a series again under the number it had; false when there is no room for it.
    fileprivate mutating func restore(
        _ series: UInt32,
        _ fields: [LabelDecoder.Field],
        _ bytes: UnsafeRawBufferPointer,
        _ hash: LabelHash
    ) -> Bool {
        if series < storage.headCount, storage.head(series).state != SeriesHead.State.free {
            restoreRemoval([series])
        }
        guard storage.restore(series) else { return false }
        let labels = unsafe index.add(series, fields, bytes, &storage.slab)
        let head = unsafe storage.heads + Int(series)
        unsafe head.pointee.labels = labels
        unsafe head.pointee.labelCount = UInt8(fields.count)
        unsafe head.pointee.aliasHash = hash.primary
        aliases.insert(hash, target: series + 1)
        budget.holdSeries(1)
        return true
    }

    /// Gives up series that were given up before the restart.
    fileprivate mutating func restoreRemoval(_ series: [UInt32]) {
        var gone: [UInt32] = []
        for one in series where one < storage.headCount {
            guard storage.discard(one) else { continue }
            gone.append(one)
        }
        if !gone.isEmpty { remove(gone) }
    }
}
