import Buffers
package import Model
package import SampleLog
import Synchronization
package import Telemetry
package import Timekeeping

/// The newest samples of every series, in memory, within hard limits.
///
/// The data is split over shards by a hash of the labels; each is kept by a thread of its own and reached by
/// its mailbox, but for small questions to a thread that is idle. Calls block until all is answered.
package final class MetricStore: SeriesReading, SampleAppending, Sendable {
    let settings: MetricStoreSettings
    private let clock: any WallClock
    private let counters: StoreCounters
    let budget: MemoryBudget
    private let sources: SeriesSources
    private let hasher: LabelHasher
    private let shards: [Shard]
    private let gate: AdmissionGate
    private let tables: SelectorTables
    private let longWindows = LongWindowBoard()
    private let threads = Mutex<[OwnedThread]>([])
    private let disk: StoreDisk?
    /// The metric that the last limit message named; asking the shards for every refused batch would slow them.
    private let blame = Mutex<(text: String, until: UInt64)>(("", 0))

    /// A store at rest; `start` it before use.
    ///
    /// - Parameters:
    ///   - settings: Limits and sizes.
    ///   - durability: Where the samples are kept on disk; nil: they live in memory alone.
    ///   - clock: Decides what is out of retention and what lies in the future.
    ///   - log: Told of what goes wrong on disk.
    ///   - metrics: Where the store's own counters go.
    package init(
        settings: MetricStoreSettings = .standard,
        durability: StoreDurability? = nil,
        clock: any WallClock,
        log: Log = .silent,
        metrics: MetricsRegistry
    ) {
        var settings = settings
        settings.shards = min(max(settings.shards, 1), 16)
        settings.labelsPerSeriesMax = min(max(settings.labelsPerSeriesMax, 1), 255)
        self.settings = settings
        self.clock = clock
        counters = StoreCounters(metrics)
        budget = MemoryBudget(
            maxBytes: settings.maxMemoryBytes,
            maxSeries: settings.maxSeries,
            reservedSeries: settings.reservedSeries
        )
        sources = SeriesSources(seriesMax: settings.seriesPerSourceMax)
        var random = SystemRandomNumberGenerator()
        hasher = LabelHasher(using: &random)
        let (budget, sources, counters, hasher) = (budget, sources, counters, hasher)
        shards = (0..<settings.shards).map { [settings, longWindows] number in
            Shard(number: number, longWindows: longWindows) { snapshotBytes in
                ShardCore(
                    number: number,
                    shardCount: settings.shards,
                    settings: settings,
                    budget: budget,
                    sources: sources,
                    counters: counters,
                    hasher: hasher,
                    snapshotBytes: snapshotBytes
                )
            }
        }
        gate = AdmissionGate(samplesMax: settings.queuedSamplesMax)
        tables = SelectorTables(selectorsMax: settings.cachedSelectorsMax, budget: budget)
        disk = durability.map {
            StoreDisk($0, shards: settings.shards, log: log, metrics: metrics)
        }
        metrics.collect { [weak self] in self?.families() ?? [] }
    }

    deinit { stop() }

    /// Starts the threads that own the data.
    ///
    /// Appends and reads work from here on; with a disk, once the data is back (`waitUntilRecovered`).
    package func start() {
        threads.withLock { threads in
            guard threads.isEmpty else { return }
            do throws(SampleLogProblem) {
                try disk?.open(hasher)
            } catch {
                disk?.board.fail(error)
                return
            }
            // Before any shard can be the last to report.
            if let disk, disk.outdatedShards != nil { disk.board.expectOneMore() }
            threads = shards.map { shard in
                let (settings, shards, clock, disk, gate) = (settings, shards, clock, disk, gate)
                return OwnedThread(name: "store-\(shard.number)") {
                    shard.run(
                        shards: shards,
                        durable: disk?.durable(shard.number),
                        recovered: { disk?.board.report($0) { gate.open() } },
                        oldest: { clock.now() - settings.retention }
                    )
                }
            }
            if let disk, disk.outdatedShards != nil {
                threads.append(reshard(disk))
            } else if disk == nil {
                gate.open()
            }
        }
    }

    /// Brings over what was written with another number of shards, on a thread of its own.
    private func reshard(_ disk: StoreDisk) -> OwnedThread {
        let work = Resharding(
            disk: disk,
            shards: shards,
            settings: settings,
            counters: counters,
            hasher: hasher,
            oldest: clock.now() - settings.retention
        )
        let gate = gate
        return OwnedThread(name: "store-reshard") {
            let outcome = Result { () throws(SampleLogProblem) in try work.run() }
            disk.board.report(outcome) { gate.open() }
        }
    }

    /// Blocks until the data that was on disk is back.
    ///
    /// - Returns: What was found; nil for a store without a disk.
    /// - Throws: Why it cannot be had; the store stays closed.
    package func waitUntilRecovered() throws(SampleLogProblem) -> StoreRecovery? {
        guard let disk else { return nil }
        return try disk.board.wait()
    }

    /// Writes down all that the store holds, so that the next start need not replay the log.
    ///
    /// Blocks until it is on disk; the shards go on meanwhile. Nothing happens without a disk.
    ///
    /// - Throws: Why it could not be written.
    package func takeSnapshot() throws(FileProblem) {
        guard disk != nil, gate.enter(samples: 0, waits: true) == .entered else { return }
        defer { gate.leave(samples: 0) }
        let request = SnapshotRequest(shards: shards.count)
        for shard in shards { shard.post(request) }
        try request.wait()
    }

    /// Finishes what was accepted, then ends the threads and frees the data; the store does not start again.
    ///
    /// Later appends are refused as `stopping`, reads throw `stopped`.
    package func stop() {
        threads.withLock { threads in
            guard !threads.isEmpty else { return }
            gate.close()
            for shard in shards { shard.close() }
            for thread in threads { thread.join() }
            threads = []
            disk?.close()
        }
    }

    // MARK: Appending

    /// True when so many samples wait for the shards that `tryAppend` would turn a batch away.
    ///
    /// Also true while the disk takes nothing.
    package var isOverloaded: Bool { gate.isFull || disk?.isFailing ?? false }

    /// Takes a batch; waits for room when too many samples are on their way.
    ///
    /// - Returns: Counts of what became of each sample; all refused as `stopping` when the store is not running.
    package func append(_ batch: SampleBatch) -> AppendResult {
        append(batch, waits: true) ?? AppendResult()
    }

    /// Takes a batch, or nothing of it when the shards are behind.
    ///
    /// - Returns: Nil when overloaded: the sender should come again later.
    package func tryAppend(_ batch: SampleBatch) -> AppendResult? {
        append(batch, waits: false)
    }

    private func append(_ batch: SampleBatch, waits: Bool) -> AppendResult? {
        var result = AppendResult()
        guard !batch.entries.isEmpty else { return result }
        if !waits, let disk, disk.isFailing {
            result.refuse(
                .notStored,
                samples: batch.sampleCount,
                "the disk takes no samples; send them again"
            )
            counters.count(result)
            return result
        }
        switch gate.enter(samples: batch.sampleCount, waits: waits) {
        case .full:
            counters.overloaded.add()
            return nil
        case .closed:
            result.refuse(
                .stopping,
                samples: batch.sampleCount,
                "the metric store is starting or stopping; send the samples again"
            )
        case .entered:
            let work = BatchWork(
                batch,
                window: window(for: batch.latePolicy),
                isEssential: waits,
                source: sources.number(of: batch.source),
                hasher: hasher,
                shards: shards.count
            )
            for (shard, part) in zip(shards, work.parts) where !part.isEmpty {
                shard.post(Shard.Part(work: work, entries: work.entries[part]))
            }
            result = work.wait()
            explain(&result)
            gate.leave(samples: batch.sampleCount)
        }
        counters.count(result)
        return result
    }

    private func window(for policy: SampleBatch.LatePolicy) -> SeriesStorage.Window {
        let now = clock.now()
        let lateWindow: Int64 =
            switch policy {
            case .reject: -1
            case .upsert(let window): max(0, window.milliseconds)
            }
        return SeriesStorage.Window(
            oldest: (now - settings.retention).milliseconds,
            newest: (now + settings.futureSkewMax).milliseconds,
            lateWindow: lateWindow
        )
    }

    /// Adds to a limit's message which metric holds most series.
    private func explain(_ result: inout AppendResult) {
        guard let refusal = result.firstRefusal,
            result.refused[.seriesLimit] != nil || result.refused[.memoryLimit] != nil
        else { return }
        let now = MonotonicTime.nanoseconds()
        let known = blame.withLock { $0.until > now ? $0.text : nil }
        let text =
            known
            ?? statistics.topMetrics.first.map {
                "; metric \(LabelSet.quoted($0.name)) alone holds \($0.series) of "
                    + "\(budget.series) series"
            } ?? ""
        if known == nil { blame.withLock { $0 = (text, now + 5_000_000_000) } }
        result.firstRefusal = refusal + text
    }

    // MARK: Reading

    package func select(
        _ selection: SeriesSelection,
        sampleLimit: Int
    ) throws(SeriesReadingError) -> [SeriesSamples] {
        var parts: [[SeriesSamples]] = []
        for case .series(let part) in try ask(.samples, selection, sampleLimit: sampleLimit) {
            parts.append(part)
        }
        return merged(parts) { $0.labels < $1.labels }
    }

    package func columns(
        _ requests: [ColumnRequest],
        sampleLimit: Int
    ) throws(SeriesReadingError) -> [Column] {
        guard !requests.isEmpty else { return [] }
        let now = clock.now()
        let work = ColumnWork(
            requests,
            tables: tables,
            oldest: (now - settings.retention).milliseconds,
            sampleLimit: sampleLimit,
            shards: shards.count,
            now: now.milliseconds
        )
        guard gate.enter(samples: 0, waits: true) == .entered else { throw .stopped }
        defer { gate.leave(samples: 0) }
        for shard in shards where !(work.isSmall && shard.visit(work)) { shard.post(work) }
        return try work.columns(tables)
    }

    package func labelSets(
        _ selection: SeriesSelection
    ) throws(SeriesReadingError) -> [LabelSet] {
        var parts: [[LabelSet]] = []
        for case .labelSets(let part) in try ask(.labelSets, selection) { parts.append(part) }
        return merged(parts, by: <)
    }

    /// Names of the labels that the selected series have, sorted.
    ///
    /// - Parameter selection: Series with a sample in its range count.
    /// - Returns: Each name once.
    /// - Throws: `stopped` when the store is not running.
    package func labelNames(
        _ selection: SeriesSelection
    ) throws(SeriesReadingError) -> [String] {
        try texts(.labelNames, selection)
    }

    /// Values that the label `name` has in the selected series, sorted.
    ///
    /// - Parameters:
    ///   - name: A label name.
    ///   - selection: Series with a sample in its range count.
    /// - Returns: Each value once.
    /// - Throws: `stopped` when the store is not running.
    package func labelValues(
        _ name: String,
        _ selection: SeriesSelection
    ) throws(SeriesReadingError) -> [String] {
        try texts(.labelValues(name), selection)
    }

    private func texts(
        _ question: ReadWork.Question,
        _ selection: SeriesSelection
    ) throws(SeriesReadingError) -> [String] {
        var texts: [String] = []
        for case .texts(let part) in try ask(question, selection) { texts += part }
        return ByteText.sorted(texts)
    }

    /// Keeps what rules need beyond the retention, from now on; what other rules needed before goes.
    ///
    /// Series that are needed are thinned to about a sample a minute once they are out of retention, instead of
    /// dropped, and are seen that far back by all reads. Works before `start`, too.
    ///
    /// - Parameter needs: Of all rules; those that the retention covers cost nothing.
    package func keep(_ needs: [RetentionNeed]) {
        longWindows.publish(
            LongWindows(needs, retention: settings.retention, longest: settings.longWindowMax)
        )
    }

    /// Drops what is out of retention now; the shards do it by themselves over each minute.
    package func expire() {
        let oldest = (clock.now() - settings.retention).milliseconds
        // A store that is not running holds nothing.
        _ = try? ask(ReadWork(.expire, oldest: oldest, shards: shards.count))
    }

    private func ask(
        _ question: ReadWork.Question,
        _ selection: SeriesSelection,
        sampleLimit: Int = .max
    ) throws(SeriesReadingError) -> [ReadWork.Answer] {
        let now = clock.now()
        return try ask(
            ReadWork(
                question,
                selector: tables.reference(to: selection.matchers, now: now.milliseconds),
                start: selection.range.start.milliseconds,
                end: selection.range.end.milliseconds,
                oldest: (now - settings.retention).milliseconds,
                sampleLimit: sampleLimit,
                shards: shards.count
            )
        )
    }

    private func ask(_ work: ReadWork) throws(SeriesReadingError) -> [ReadWork.Answer] {
        guard gate.enter(samples: 0, waits: true) == .entered else { throw .stopped }
        defer { gate.leave(samples: 0) }
        for shard in shards { shard.post(work) }
        return try work.wait()
    }

    /// Joins lists that are in order into one that is.
    private func merged<Element>(
        _ parts: [[Element]],
        by precedes: (Element, Element) -> Bool
    ) -> [Element] {
        var rest = parts.filter { !$0.isEmpty }
        while rest.count > 1 {
            let (left, right) = (rest.removeFirst(), rest.removeFirst())
            var both: [Element] = []
            both.reserveCapacity(left.count + right.count)
            var (a, b) = (0, 0)
            while a < left.count, b < right.count {
                if precedes(right[b], left[a]) {
                    both.append(right[b])
                    b += 1
                } else {
                    both.append(left[a])
                    a += 1
                }
            }
            both.append(contentsOf: left[a...])
            both.append(contentsOf: right[b...])
            rest.append(both)
        }
        return rest.first ?? []
    }

    // MARK: Statistics

    /// What the store holds right now; asks the shards.
    package var statistics: MetricStoreStatistics {
        var total = ShardStatistics(
            samples: 0,
            evictedSamples: 0,
            longWindows: LongWindowStatistics(),
            labelNames: [],
            labelPairs: 0,
            metrics: [:]
        )
        for case .statistics(let part) in (try? ask(ReadWork(.statistics, shards: shards.count)))
            ?? []
        {
            total.samples += part.samples
            total.evictedSamples += part.evictedSamples
            total.longWindows.add(part.longWindows)
            total.labelNames += part.labelNames
            total.labelPairs += part.labelPairs
            total.metrics.merge(part.metrics, uniquingKeysWith: +)
        }
        return MetricStoreStatistics(
            series: budget.series,
            seriesMax: settings.maxSeries,
            samples: total.samples,
            evictedSamples: total.evictedSamples,
            longWindows: total.longWindows,
            bytes: budget.bytes,
            bytesMax: settings.maxMemoryBytes,
            labelNames: Set(total.labelNames.map(ByteText.init)).count,
            labelPairs: total.labelPairs,
            topMetrics: total.metrics.sorted { ($1.value, $0.key.text) < ($0.value, $1.key.text) }
                .prefix(10).map { .init(name: $0.key.text, series: $0.value) }
        )
    }

    private func families() -> [MetricFamily] {
        let statistics = statistics
        func family(
            _ name: String,
            _ help: String,
            _ value: Int,
            _ kind: MetricKind = .gauge
        ) -> MetricFamily {
            MetricFamily(name, help: help, kind: kind, points: [MetricPoint([], Double(value))])
        }
        return [
            family("tocsin_store_series", "Series in the rings.", statistics.series),
            family(
                "tocsin_store_series_limit",
                "Series the rings may hold.",
                statistics.seriesMax
            ),
            family("tocsin_store_samples", "Samples in the rings.", statistics.samples),
            family(
                "tocsin_store_memory_bytes",
                "Memory that samples and index hold.",
                statistics.bytes
            ),
            family(
                "tocsin_store_memory_limit_bytes",
                "Memory that samples and index may hold.",
                statistics.bytesMax
            ),
            family(
                "tocsin_store_label_pairs",
                "Label name and value pairs, counted in each shard.",
                statistics.labelPairs
            ),
            family(
                "tocsin_store_samples_evicted",
                "Samples within the retention that were given up because memory ran out.",
                statistics.evictedSamples,
                .counter
            ),
        ] + statistics.longWindows.families
    }
}
