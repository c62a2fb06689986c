import CLinux
import Model
import SampleLog
import Telemetry

/// One shard's data: series, their samples, and how to find them.
///
/// One thread at a time touches it: the one that holds its shard's lock.
///
/// Proof for `@unchecked Sendable`: memory and objects below it are its own, and none is given out but what is
/// never changed again; the store's counters, budget and sources are `Sendable`.
@safe
struct ShardCore: ~Copyable, @unchecked Sendable {
    /// What became of a part of a batch.
    struct PartOutcome {
        var result = AppendResult()
        /// Entries whose series live in other shards, by shard.
        var foreign: [Int: [UInt32]] = [:]
    }

    let number: Int
    let shardCount: Int
    let settings: MetricStoreSettings
    let budget: MemoryBudget
    let sources: SeriesSources
    let counters: StoreCounters
    let hasher: LabelHasher
    var storage: SeriesStorage
    var index: LabelIndex
    var aliases: AliasTable
    var plans: SelectorCache
    private var decoder: LabelDecoder
    private var canonicalBytes: [UInt8] = []
    /// Hashes known to belong to other shards.
    private var foreignCount = 0
    /// Hashes of other shards' series that are remembered at most.
    private static let foreignMax = 1 << 16
    /// The head that the sweep looks at next.
    var sweepCursor: UInt32 = 0
    /// Sweeps since series were last taken out of the index.
    var sweepsSincePurge = 0
    /// True when expired series should be purged as soon as nothing reads.
    var isPurgeDue = false
    /// What rules need beyond the retention, and which version of it.
    var longWindows = LongWindows()
    var longWindowsVersion = 0
    /// Where a window's samples are put together.
    var scratch = SampleScratch()
    /// What happened and is not in the log yet; only written to when `keepsLog`.
    var records = RecordEncoder(position: 0)
    /// True when everything that changes series or samples is to be told to the log.
    var keepsLog = false

    init(
        number: Int,
        shardCount: Int,
        settings: MetricStoreSettings,
        budget: MemoryBudget,
        sources: SeriesSources,
        counters: StoreCounters,
        hasher: LabelHasher,
        snapshotBytes: Int = 0
    ) {
        self.number = number
        self.shardCount = shardCount
        self.settings = settings
        self.budget = budget
        self.sources = sources
        self.counters = counters
        self.hasher = hasher
        storage = SeriesStorage(
            budget: budget,
            snapshotBytes: snapshotBytes,
            startRunsMax: settings.startRunsMax
        )
        index = LabelIndex(budget: budget, hasher: hasher, snapshotBytes: snapshotBytes)
        aliases = AliasTable(budget: budget)
        plans = SelectorCache(
            plansMax: settings.cachedSelectorsMax,
            shards: shardCount,
            budget: budget
        )
        decoder = LabelDecoder(settings: settings)
    }

    // MARK: Appending

    /// Takes this shard's part of a batch, in three passes, so that memory is fetched before it is needed.
    mutating func append(_ work: BatchWork, entries: ArraySlice<UInt32>) -> PartOutcome {
        var outcome = PartOutcome()
        let count = entries.count
        // Nothing may be purged between finding series and appending to them, so it is done before.
        if needsPurge(for: count) { purge() }
        var targets = [UInt32](repeating: 0, count: count)
        unsafe entries.withUnsafeBufferPointer { entries in
            unsafe find(work, entries, &targets, &outcome)
            unsafe append(work, entries, targets, &outcome)
        }
        return outcome
    }

    /// First pass: a target for each entry, 0 for those refused; new series are made.
    private mutating func find(
        _ work: BatchWork,
        _ places: UnsafeBufferPointer<UInt32>,
        _ targets: inout [UInt32],
        _ outcome: inout PartOutcome
    ) {
        let allHashes = work.hashes
        let hashes = allHashes.span
        var entries = unsafe aliases.entries
        var capacity = aliases.capacity
        for position in 0..<places.count {
            let ahead = min(position &+ 8, places.count &- 1)
            let primary = unsafe hashes[Int(places[ahead])].primary
            unsafe tocsin_prefetch(entries + AliasTable.place(primary, capacity))
            let place = unsafe Int(places[position])
            var target = unsafe AliasTable.find(hashes[place], entries, capacity)
            if target == 0 {
                target = resolve(work, place, &outcome.result)
                unsafe entries = unsafe aliases.entries
                capacity = aliases.capacity
            }
            targets[position] = target
        }
    }

    /// Second and third pass: fetch heads and slots a few entries ahead, and append.
    private mutating func append(
        _ work: BatchWork,
        _ places: UnsafeBufferPointer<UInt32>,
        _ targets: [UInt32],
        _ outcome: inout PartOutcome
    ) {
        let batch = work.batch
        let entries = batch.entries.span
        let times = batch.timestamps.span
        let values = batch.values.span
        let window = work.window
        var accepted = 0
        let keepsLog = keepsLog
        let starts = batch.starts.span
        let tracksStarts = !starts.isEmpty || !storage.starts.isEmpty
        if keepsLog { records.beginSamples(near: times.isEmpty ? 0 : times[0]) }
        for position in 0..<targets.count {
            let far = targets[min(position &+ 12, targets.count &- 1)]
            if far &- 1 < AliasTable.foreignFlag &- 1 { storage.prefetchHead(far &- 1) }
            let near = targets[min(position &+ 5, targets.count &- 1)]
            if near &- 1 < AliasTable.foreignFlag &- 1 { storage.prefetchSlot(near &- 1) }
            let target = targets[position]
            guard target != 0 else { continue }
            let place = unsafe Int(places[position])
            guard target & AliasTable.foreignFlag == 0 else {
                outcome.foreign[Int(target & ~AliasTable.foreignFlag), default: []].append(
                    UInt32(truncatingIfNeeded: place)
                )
                continue
            }
            for sample in entries[place].samples {
                let result = storage.append(
                    target &- 1,
                    time: times[sample],
                    bits: values[sample].bitPattern,
                    window: window
                )
                if result == .accepted {
                    accepted &+= 1
                } else {
                    count(result, series: target &- 1, time: times[sample], &outcome.result)
                    guard result == .revised else { continue }
                }
                var start: Int64?
                if tracksStarts {
                    start = note(
                        start: starts.isEmpty ? 0 : starts[sample],
                        of: target &- 1,
                        time: times[sample]
                    )
                }
                guard keepsLog else { continue }
                if let start {
                    records.add(
                        series: target &- 1,
                        time: times[sample],
                        bits: values[sample].bitPattern,
                        start: start
                    )
                } else {
                    records.add(
                        series: target &- 1,
                        time: times[sample],
                        bits: values[sample].bitPattern
                    )
                }
            }
        }
        if keepsLog { records.finish() }
        outcome.result.accepted += accepted
    }

    /// Keeps the start timestamp of a sample that was taken; what the log is to be told when that changed something.
    @inline(__always)
    private mutating func note(start: Int64, of series: UInt32, time: Int64) -> Int64? {
        guard start != 0 || storage.hasStarts(series) else { return nil }
        switch storage.note(start: start, of: series, time: time) {
        case .unchanged: return nil
        case .applied: return start
        case .cut:
            counters.startsCut.add()
            return start
        case .noMemory:
            counters.startsWithoutMemory.add()
            return RecordEncoder.forgetsStarts
        }
    }

    /// Does what a record of the log says of a sample's start timestamp.
    mutating func restore(start: Int64, of series: UInt32, time: Int64) {
        if start == RecordEncoder.forgetsStarts {
            storage.forgetStarts(series)
        } else {
            _ = storage.note(start: start, of: series, time: time)
        }
    }

    // MARK: New encodings and new series

    /// The target for an entry whose label bytes were not seen before; 0 when it is refused.
    private mutating func resolve(
        _ work: BatchWork,
        _ place: Int,
        _ result: inout AppendResult
    ) -> UInt32 {
        let batch = work.batch
        let entry = batch.entries[place]
        guard hasTimelySample(work, entry, &result) else { return 0 }
        do throws(LabelRefusal) {
            try decoder.decode(batch.labelBytes.span, in: entry.labels)
        } catch {
            result.refuse(error.cause, samples: entry.samples.count, error.message)
            return 0
        }
        let hash = work.hashes[place]
        let canonical = decoder.isCanonical ? hash : canonicalHash(batch)
        let home = canonical.shard(of: shardCount)
        guard home == number else {
            let target = AliasTable.foreignFlag | UInt32(home)
            if foreignCount >= ShardCore.foreignMax { forgetForeign() }
            aliases.insert(hash, target: target)
            foreignCount += 1
            return target
        }
        var target = aliases.find(canonical)
        if target == 0 {
            target = create(work, entry, canonical, &result)
            guard target != 0 else { return 0 }
        }
        if hash != canonical {
            let head = unsafe storage.heads + Int(target - 1)
            if unsafe Int(head.pointee.aliasCount) < min(settings.aliasesPerSeriesMax, 255) {
                aliases.insert(hash, target: target)
                unsafe head.pointee.aliasCount += 1
            }
        }
        return target
    }

    /// True when some sample of an entry lies within the window; otherwise all are counted as refused.
    ///
    /// A series is not made for samples that will be refused.
    private func hasTimelySample(
        _ work: BatchWork,
        _ entry: SampleBatch.Entry,
        _ result: inout AppendResult
    ) -> Bool {
        let times = work.batch.timestamps
        for sample in entry.samples
        where times[sample] > work.window.oldest && times[sample] <= work.window.newest {
            return true
        }
        for sample in entry.samples {
            let isOld = times[sample] <= work.window.oldest
            refuse(
                isOld ? .tooOld : .tooFarInFuture,
                name: "a new series",
                time: times[sample],
                &result
            )
        }
        return false
    }

    /// The hash of the one encoding that every label set has.
    private mutating func canonicalHash(_ batch: SampleBatch) -> LabelHash {
        decoder.encode(batch.labelBytes.span, into: &canonicalBytes)
        return unsafe canonicalBytes.withUnsafeBytes { bytes in
            unsafe hasher.hash(bytes.baseAddress.unsafelyUnwrapped, count: bytes.count)
        }
    }

    private mutating func create(
        _ work: BatchWork,
        _ entry: SampleBatch.Entry,
        _ hash: LabelHash,
        _ result: inout AppendResult
    ) -> UInt32 {
        let batch = work.batch
        if let refusal = takePlace(work) {
            counters.newSeriesRefused[refusal.limit]?.add()
            result.refuse(
                refusal.limit.cause,
                samples: entry.samples.count,
                "\(refusal.text); refused new series \(decoder.text(batch.labelBytes.span))"
            )
            return 0
        }
        let series = storage.create()
        let labels = unsafe batch.labelBytes.withUnsafeBytes { bytes in
            unsafe index.add(series, decoder.fields, bytes, &storage.slab)
        }
        let head = unsafe storage.heads + Int(series)
        unsafe head.pointee.labels = labels
        unsafe head.pointee.labelCount = UInt8(decoder.fields.count)
        unsafe head.pointee.aliasHash = hash.primary
        unsafe head.pointee.source = work.source
        aliases.insert(hash, target: series + 1)
        requireNew(series)
        if keepsLog { note(series, batch, entry, hash) }
        return series + 1
    }

    /// Takes a place for the series that was decoded last; the limit that it is over, when there is none.
    private func takePlace(_ work: BatchWork) -> (limit: SeriesLimit, text: String)? {
        guard budget.hasRoomForSeries || storage.hasReusableMemory else {
            return (
                .memory,
                "memory limit reached: \(budget.bytes) of \(budget.maxBytes) bytes, of which an "
                    + "eighth is kept for known series (store.max_memory)"
            )
        }
        if settings.seriesPerMetricMax < settings.maxSeries {
            let count = unsafe work.batch.labelBytes.withUnsafeBytes { bytes in
                unsafe index.metricSeries(decoder.fields, bytes, storage.slab)
            }
            // Hashes spread a metric's series evenly.
            guard count < (settings.seriesPerMetricMax + shardCount - 1) / shardCount else {
                return (
                    .metric,
                    "a metric's series limit reached: \(settings.seriesPerMetricMax) "
                        + "(store.max_series_per_metric)"
                )
            }
        }
        guard sources.take(work.source) else {
            return (
                .source,
                "a source's series limit reached: \(settings.seriesPerSourceMax) of "
                    + "\(work.batch.source ?? "") (store.max_series_per_source)"
            )
        }
        guard budget.takeSeries(isEssential: work.isEssential) else {
            sources.give(work.source)
            let reserved = work.isEssential ? 0 : budget.reservedSeries
            let note =
                reserved > 0 ? ", \(reserved) of them for recording rules and log metrics" : ""
            return (
                .all,
                "series limit reached: \(budget.series) of \(budget.maxSeries)\(note) "
                    + "(store.max_series)"
            )
        }
        return nil
    }

    /// Tells the log of a new series.
    private mutating func note(
        _ series: UInt32,
        _ batch: SampleBatch,
        _ entry: SampleBatch.Entry,
        _ hash: LabelHash
    ) {
        let hash = (hash.primary, hash.secondary)
        if decoder.isCanonical {
            unsafe batch.labelBytes.withUnsafeBytes { bytes in
                unsafe records.add(
                    newSeries: series,
                    hash: hash,
                    labels: UnsafeRawBufferPointer(rebasing: bytes[entry.labels])
                )
            }
        } else {
            unsafe canonicalBytes.withUnsafeBytes {
                unsafe records.add(newSeries: series, hash: hash, labels: $0)
            }
        }
    }

    private mutating func forgetForeign() {
        aliases.removeAll { $0 & AliasTable.foreignFlag != 0 }
        foreignCount = 0
    }

    // MARK: Counting

    private func count(
        _ outcome: SeriesStorage.Outcome,
        series: UInt32,
        time: Int64,
        _ result: inout AppendResult
    ) {
        let cause: RefusalCause
        switch outcome {
        case .accepted:
            result.accepted += 1
            return
        case .revised:
            result.accepted += 1
            result.revised += 1
            return
        case .duplicate:
            result.duplicates += 1
            return
        case .outOfOrder: cause = .outOfOrder
        case .duplicateTimestamp: cause = .duplicateTimestamp
        case .tooOld: cause = .tooOld
        case .tooFarInFuture: cause = .tooFarInFuture
        case .noMemory: cause = .memoryLimit
        }
        refuse(
            cause,
            name: index.labelSet(series, storage).description,
            time: time,
            &result
        )
    }

    private func refuse(
        _ cause: RefusalCause,
        name: @autoclosure () -> String,
        time: Int64,
        _ result: inout AppendResult
    ) {
        result.refuse(
            cause,
            samples: 1,
            RefusalText.sample(cause, series: name(), time: time, settings: settings)
        )
    }
}
