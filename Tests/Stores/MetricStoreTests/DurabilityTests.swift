import Buffers
import Glibc
import Model
import SampleLog
import StoreTestSupport
import TestSupport
import Testing
import Timekeeping

@testable import MetricStore

/// What is found after the process was killed, power was lost, or files were damaged.
@Suite struct DurabilityTests {
    static let everything = SeriesSelection(
        matchers: [],
        range: TimeRange(after: .distantPast, through: .distantFuture)
    )

    static func durability(
        _ files: FaultyFiles,
        commitInterval: Duration = .seconds(3600)
    ) -> StoreDurability {
        StoreDurability(
            folder: "data/samples",
            files: files,
            commitInterval: commitInterval,
            segmentBytesMax: 1024
        )
    }

    /// A store on files, and beside it an array of what it must hold.
    struct Pair {
        var settings: MetricStoreSettings
        let clock = ManualClock()
        var files = FaultyFiles()
        var harness: StoreHarness
        var model: ArrayModel
        var random: SeededGenerator
        let series: [LabelSet] = (0..<25).map {
            ["__name__": "m\($0 % 3)", "a": "\($0 % 7)", "b": "\($0)", "c": $0 % 2 == 0 ? "x" : ""]
        }
        var newest: [Int64]
        let commitInterval: Duration
        /// What the model held after each batch, and how far the log of the only shard was then.
        var history: [(model: ArrayModel, now: Timestamp)] = []

        init(
            seed: UInt64,
            shards: Int,
            commitInterval: Duration = .seconds(3600)
        ) throws {
            self.commitInterval = commitInterval
            random = SeededGenerator(seed: seed)
            settings = MetricStoreSettings(
                shards: shards,
                retention: .seconds(5400),
                aliasesPerSeriesMax: 3,
                startRunsMax: 1 << 20
            )
            harness = StoreHarness(
                settings,
                durability: durability(files, commitInterval: commitInterval),
                clock: clock
            )
            model = ArrayModel(settings: settings)
            newest = Array(repeating: clock.now().milliseconds - 600_000, count: 25)
            _ = try harness.store.waitUntilRecovered()
        }

        /// A batch to both.
        mutating func append() throws {
            let now = clock.now()
            let batch = ModelEqualityTests.randomBatch(
                series,
                now: now.milliseconds,
                newest: &newest,
                &random
            )
            let result = harness.store.append(batch)
            let expected = model.append(batch, now: now)
            try #require(result.accepted == expected.accepted)
            try #require(result.refused == expected.refused)
        }

        mutating func expire() {
            harness.store.expire()
            model.expire(now: clock.now())
        }

        /// Another process on other files.
        @discardableResult
        mutating func restart(on files: FaultyFiles) throws -> StoreRecovery {
            self.files = files
            harness = StoreHarness(
                settings,
                durability: durability(files, commitInterval: commitInterval),
                clock: clock
            )
            return try #require(try harness.store.waitUntilRecovered())
        }

        func holds(_ model: ArrayModel) throws -> Bool {
            let found = try harness.store.select(everything, sampleLimit: .max)
            let wanted = try model.select(everything, now: clock.now(), sampleLimit: .max)
            let isSame = same(found, wanted)
            guard isSame else { return false }
            // The lists of series by label were made anew.
            for value in ["0", "3", "6"] {
                let selection = SeriesSelection(
                    matchers: [LabelMatcher("a", equals: value)],
                    range: everything.range
                )
                let part = try harness.store.labelSets(selection)
                guard part == wanted.map(\.labels).filter({ $0["a"] == value }) else {
                    return false
                }
            }
            return true
        }

        mutating func passTime(_ step: Int) {
            let isLong = step % 97 == 96
            clock.advance(
                by: .seconds(Int64.random(in: 0..<(isLong ? 9000 : 60), using: &random))
            )
            if isLong {
                for index in newest.indices { newest[index] = clock.now().milliseconds - 300_000 }
            }
        }
    }

    @Test(
        "everything acknowledged is there after a kill",
        arguments: 1...12 as ClosedRange<UInt64>
    )
    func killed(seed: UInt64) throws {
        var pair = try Pair(seed: seed, shards: [1, 2, 3][Int(seed % 3)])
        for step in 0..<240 {
            try pair.append()
            if Int.random(in: 0..<40, using: &pair.random) == 0 { pair.expire() }
            if Int.random(in: 0..<30, using: &pair.random) == 0 {
                try pair.harness.store.takeSnapshot()
            }
            if Int.random(in: 0..<25, using: &pair.random) == 0 {
                let recovery = try pair.restart(on: pair.files.afterKill())
                #expect(recovery.cuts == [])
                try #require(try pair.holds(pair.model), "step \(step)")
            }
            pair.passTime(step)
        }
    }

    @Test("what comes in while a snapshot is made", arguments: 1...8 as ClosedRange<UInt64>)
    func duringSnapshot(seed: UInt64) throws {
        var pair = try Pair(seed: seed, shards: 1)
        for round in 0..<6 {
            for step in 0..<30 {
                try pair.append()
                pair.passTime(round * 30 + step)
            }
            let (store, files) = (pair.harness.store, pair.files)
            let isDone = Flag()
            let thread = OwnedThread(name: "snapshot") {
                try? store.takeSnapshot()
                isDone.raise()
            }
            var step = 0
            while !isDone.isRaised || step < 5 {
                try pair.append()
                if step % 3 == 0 { pair.expire() }
                step += 1
            }
            thread.join()
            try pair.restart(on: files.afterKill())
            try #require(try pair.holds(pair.model), "round \(round)")
        }
    }

    @Test("a tail torn anywhere", arguments: 1...6 as ClosedRange<UInt64>)
    func torn(seed: UInt64) throws {
        var pair = try Pair(seed: seed, shards: 1)
        var states: [(model: ArrayModel, bytes: Int)] = [(pair.model, 0)]
        func logBytes() -> Int {
            let names = pair.files.paths.filter { $0.hasSuffix(".log") }
            return names.reduce(0) {
                $0 + pair.files.contents($1).count - SegmentHeader.byteCount
            }
        }
        for step in 0..<60 {
            try pair.append()
            states.append((pair.model, logBytes()))
            if step == 20, seed % 2 == 0 {
                try pair.harness.store.takeSnapshot()
            }
        }
        let whole = pair.files.afterKill()
        let last = try #require(whole.paths.last { $0.hasSuffix(".log") })
        let bytes = whole.contents(last)
        let before = logBytes() - (bytes.count - SegmentHeader.byteCount)
        for _ in 0..<25 {
            let files = whole.afterKill()
            let length = Int.random(in: 0...bytes.count, using: &pair.random)
            var torn = Array(bytes.prefix(length))
            if Bool.random(using: &pair.random), length > 0 {
                // Not only short, but garbage at its end.
                torn[length - 1] ^= 0x40
                torn += [1, 2, 3]
            }
            files.overwrite(last, torn)
            let recovery = try pair.restart(on: files)
            let good = before + max(0, torn.count - SegmentHeader.byteCount) - recovery.bytesCut
            let kept = before + (recovery.cuts.first.map { $0.offset - 64 } ?? good - before)
            let expected = try #require(states.last { $0.bytes <= max(kept, before) })
            try #require(try pair.holds(expected.model), "\(length) of \(bytes.count)")
            // And it goes on from there.
            let again = try pair.restart(on: pair.files.afterKill())
            #expect(again.cuts == [], "what was torn is gone")
            try #require(try pair.holds(expected.model))
        }
    }

    @Test func aLastSegmentWithoutAHeaderTakesNoOtherWithIt() throws {
        var pair = try Pair(seed: 3, shards: 1)
        for _ in 0..<30 { try pair.append() }
        let files = pair.files.afterKill()
        files.overwrite(try #require(files.paths.last { $0.hasSuffix(".log") }), [])
        try pair.restart(on: files)
        #expect(pair.harness.append(["__name__": "after"], [(0, 1)]).accepted == 1)
        let recovery = try pair.restart(on: pair.files.afterKill())
        #expect(recovery.cuts == [])
        #expect(try pair.harness.samples("after").count == 1)
    }

    @Test("a loss of power", arguments: 1...40 as ClosedRange<UInt64>)
    func powerCut(seed: UInt64) throws {
        let syncsFirst = seed % 2 == 0
        var pair = try Pair(
            seed: seed,
            shards: Int(seed % 3) + 1,
            commitInterval: syncsFirst ? .zero : .seconds(3600)
        )
        var synced = pair.model
        for step in 0..<60 {
            try pair.append()
            // What a killed process had not synced is not synced because another one has read it.
            if step % 20 == 10, seed % 4 < 2 { try pair.restart(on: pair.files.afterKill()) }
            guard step == 20 || step == 40 else { continue }
            // A snapshot syncs everything before it.
            try pair.harness.store.takeSnapshot()
            synced = pair.model
        }
        for _ in 0..<(syncsFirst ? 10 : 0) { try pair.append() }
        let acknowledged = syncsFirst ? pair.model : synced
        var lost = pair
        if !syncsFirst { for _ in 0..<40 { try lost.append() } }
        let files = lost.files.afterPowerCut(using: &lost.random)
        try lost.restart(on: files)
        let found = try lost.harness.store.select(DurabilityTests.everything, sampleLimit: .max)
        let wanted = try acknowledged.select(
            DurabilityTests.everything,
            now: lost.clock.now(),
            sampleLimit: .max
        )
        var byLabels: [LabelSet: Set<Int64>] = [:]
        for one in found {
            byLabels[one.labels] = Set(one.samples.map(\.timestamp.milliseconds))
        }
        for one in wanted {
            let times = byLabels[one.labels] ?? []
            #expect(one.samples.allSatisfy { times.contains($0.timestamp.milliseconds) })
        }
        if syncsFirst { #expect(try lost.holds(acknowledged)) }
        // It takes samples again and keeps them.
        let labels: LabelSet = ["__name__": "after"]
        #expect(lost.harness.append(labels, [(0, 1)]).accepted == 1)
        try lost.restart(on: lost.files.afterKill())
        #expect(try lost.harness.samples("after").count == 1)
    }

    @Test func aFullDiskRefusesSendersAndNothingElse() throws {
        let files = FaultyFiles()
        var harness = StoreHarness(durability: DurabilityTests.durability(files))
        _ = try harness.store.waitUntilRecovered()
        #expect(harness.append(["__name__": "m"], [(0, 1)]).accepted == 1)
        files.room = 10
        func send(_ time: Int64) -> AppendResult? {
            harness.store.tryAppend(harness.batch(["__name__": "m"], [(time, 2)]))
        }
        let refused = try #require(send(1000))
        #expect(refused.refused == [.notStored: 1])
        #expect(refused.accepted == 0)
        #expect(refused.firstRefusal?.contains("No space left") == true)
        #expect(harness.store.isOverloaded)
        // What the service computes itself goes on, and so does reading.
        #expect(harness.append(["__name__": "recorded"], [(1000, 3)]).accepted == 1)
        #expect(try harness.samples("recorded").map(\.1) == [3])
        #expect(try #require(send(2000)).refused == [.notStored: 1])
        files.room = .max
        var again: AppendResult?
        while again?.accepted != 1 { again = send(2000) }
        #expect(!harness.store.isOverloaded)
        // The first refused one was in memory: sent again, it is a duplicate, and as safe as any.
        #expect(try #require(send(1000)).duplicates == 1)
        harness = StoreHarness(
            durability: DurabilityTests.durability(files.afterKill()),
            clock: harness.clock
        )
        _ = try harness.store.waitUntilRecovered()
        #expect(try harness.samples("m").map(\.1) == [1, 2, 2])
        #expect(try harness.samples("recorded").map(\.1) == [3])
    }

    @Test func aFailedSyncIsNotAcknowledged() throws {
        let files = FaultyFiles()
        let harness = StoreHarness(
            durability: DurabilityTests.durability(files, commitInterval: .zero)
        )
        _ = try harness.store.waitUntilRecovered()
        files.syncCode = EIO
        let result = harness.store.tryAppend(harness.batch(["__name__": "m"], [(0, 1)]))
        #expect(result?.refused == [.notStored: 1])
        #expect(
            harness.store.isOverloaded,
            "until a snapshot has saved what the sync may have lost"
        )
        files.syncCode = 0
        try harness.store.takeSnapshot()
        #expect(!harness.store.isOverloaded)
        #expect(
            harness.store.tryAppend(harness.batch(["__name__": "m"], [(1, 1)]))?.accepted == 1
        )
    }

    @Test func damageInTheMiddleStopsTheStart() throws {
        var pair = try Pair(seed: 5, shards: 1)
        for _ in 0..<80 { try pair.append() }
        // A later segment says that what is before it was synced.
        try pair.harness.store.takeSnapshot()
        for _ in 0..<80 { try pair.append() }
        try pair.harness.store.takeSnapshot()
        for _ in 0..<80 { try pair.append() }
        let files = pair.files.afterKill()
        let logs = files.paths.filter { $0.hasSuffix(".log") }
        let snapshots = files.paths.filter { $0.hasSuffix(".snapshot") }
        #expect(snapshots.count == 2)
        #expect(logs.count > 2)
        // Both snapshots are gone, so that the log is needed from the middle on.
        let victim = logs[logs.count / 2 - 1]
        var bytes = files.contents(victim)
        bytes[bytes.count / 2] ^= 1
        files.overwrite(victim, bytes)
        var snapshot = files.contents(snapshots[1])
        snapshot[snapshot.count / 2] ^= 1
        files.overwrite(snapshots[1], snapshot)
        let store = StoreHarness(
            pair.settings,
            durability: DurabilityTests.durability(files),
            clock: pair.clock
        ).store
        let problem = #expect(throws: SampleLogProblem.self) { try store.waitUntilRecovered() }
        #expect(problem.map { "\($0)".contains(victim) } == true)
        #expect(problem.map { "\($0)".contains("on_corruption") } == true)
        #expect(store.append(SampleBatch()).accepted == 0)
        // Told to cut, it goes on with what came before.
        var cutting = DurabilityTests.durability(files.afterKill())
        cutting.cutsDamage = true
        let cut = StoreHarness(pair.settings, durability: cutting, clock: pair.clock)
        let recovery = try cut.store.waitUntilRecovered()
        #expect(recovery?.cuts.first?.isDamage == true)
        #expect(recovery?.cuts.first?.path == victim)
    }

    @Test func anotherNumberOfShards() throws {
        var pair = try Pair(seed: 7, shards: 2)
        for step in 0..<60 {
            try pair.append()
            if step == 30 { try pair.harness.store.takeSnapshot() }
        }
        for shards in [3, 1, 2] {
            pair.settings.shards = shards
            let recovery = try pair.restart(on: pair.files.afterKill())
            #expect(recovery.seriesLeftOut == 0)
            try #require(try pair.holds(pair.model), "\(shards) shards")
            let folders = Set(pair.files.paths.map { $0.split(separator: "/").dropFirst(2)[2] })
            #expect(folders.filter { $0.contains("-") }.count == shards, "\(folders)")
            for _ in 0..<20 { try pair.append() }
        }
        try pair.restart(on: pair.files.afterKill())
        try #require(try pair.holds(pair.model))
    }

    @Test func aForeignFileIsRefused() throws {
        var pair = try Pair(seed: 6, shards: 1)
        for _ in 0..<10 { try pair.append() }
        try pair.harness.store.takeSnapshot()
        let files = pair.files.afterKill()
        for path in files.paths where !path.hasSuffix("lock") {
            let changed = files.afterKill()
            var bytes = changed.contents(path)
            // The version in each of the three headers.
            bytes[12] = 9
            changed.overwrite(path, bytes)
            let store = StoreHarness(
                pair.settings,
                durability: DurabilityTests.durability(changed),
                clock: pair.clock
            ).store
            let problem = #expect(throws: SampleLogProblem.self) { try store.waitUntilRecovered() }
            #expect(problem.map { "\($0)".contains("version 9") } == true, "\(path)")
            #expect(problem.map { "\($0)".contains("move the folder away") } == true)
        }
    }
}

/// A flag that one thread raises and another sees.
private final class Flag: Sendable {
    private let raised = Monitor(false)

    var isRaised: Bool { raised.withLock { $0 } }

    func raise() { raised.signal { $0 = true } }
}
