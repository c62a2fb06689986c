import Ingest
import Model
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timekeeping

/// Keeps positions and totals as the state file does.
final class MemoryPulls: PullStoring {
    private struct State {
        var totals: [String: LogTotal] = [:]
        var commits: [PullCommit] = []
        var isBroken = false
    }

    struct Broken: Error, CustomStringConvertible {
        var description: String { "disk full" }
    }

    private let state = Mutex(State())

    var commits: [PullCommit] { state.withLock { $0.commits } }

    func setBroken(_ isBroken: Bool) { state.withLock { $0.isBroken = isBroken } }

    func loadLogTotals() throws -> [LogTotal] { state.withLock { Array($0.totals.values) } }

    func loadPull(_ source: String) throws -> StoredPull? { nil }

    func commitPull(_ commit: PullCommit) throws {
        try state.withLock { state in
            if state.isBroken { throw Broken() }
            state.commits.append(commit)
            for total in commit.totals { state.totals["\(total.shape)|\(total.labels)"] = total }
        }
    }
}

/// Counts the records that are judged.
final class CountingJudge: RecordJudging {
    private let state = Mutex((judged: 0, sources: Set<String>()))

    var judged: Int { state.withLock { $0.judged } }
    var sources: Set<String> { state.withLock { $0.sources } }

    func judge(_ records: [LogRecord]) { state.withLock { $0.judged += records.count } }

    func judge(_ records: [LogRecord], from source: String) {
        state.withLock { state in
            state.judged += records.count
            state.sources.insert(source)
        }
    }

    func tick() {}
}

/// Pages of pulled records: counted exactly once, over kills and refusals.
@Suite struct PulledPageTests {
    let clock = ManualClock(Timestamp(milliseconds: 1_700_000_000_500))
    let store = RecordingStore()
    let pulls = MemoryPulls()
    let board = PullBoard()
    let judge = CountingJudge()
    let logs = RecordingLogs()

    static let source = "elasticsearch/logs"

    struct Process {
        var metrics: LogMetrics
        var door: Admission
    }

    /// A process that has just started on what is on disk.
    func process(_ kind: LogMetricDefinition.Kind = .counter(value: nil)) throws -> Process {
        let registry = MetricsRegistry()
        board.declare(Self.source, patience: .seconds(30), at: clock.now())
        let metrics = LogMetrics(
            resumes: true,
            totals: pulls,
            board: board,
            clock: clock,
            metrics: registry,
            log: .silent
        )
        try metrics.load([LogMetricsTests.metric(labels: ["s"], kind: kind)])
        let rings = SeriesList(
            store.series.map { labels, series in
                SeriesSamples(
                    labels: labels,
                    samples: series.points.sorted { $0.key < $1.key }.map {
                        Sample(Timestamp(milliseconds: $0.key), $0.value)
                    }
                )
            }
        )
        try metrics.resume(from: rings)
        let door = Admission(
            samples: store,
            records: logs,
            logMetrics: metrics,
            judge: judge,
            sources: SourceRegistry(clock: clock, metrics: registry),
            clock: clock
        )
        return Process(metrics: metrics, door: door)
    }

    func records(_ count: Int, s: String = "a", t: Double = 1) -> [LogRecord] {
        (0..<count).map { _ in
            LogRecord(
                tag: "t",
                eventTime: clock.now(),
                arrivalTime: clock.now(),
                fields: [("s", .string(s)), ("t", .number(t))]
            )
        }
    }

    func take(_ page: inout PulledPage, _ process: Process) -> Bool {
        let position = PullPosition(readTo: clock.now(), knownFrom: clock.now())
        let (pulls, source) = (pulls, Self.source)
        let outcome = process.door.admit(&page, from: source) { totals in
            var commit = PullCommit(source: source, position: position, counted: [])
            commit.totals = totals
            try pulls.commitPull(commit)
        }
        if case .admitted = outcome { return true }
        return false
    }

    func pull(_ records: [LogRecord], _ process: Process) -> Bool {
        var page = PulledPage(records)
        return take(&page, process)
    }

    var value: Double? { store.value(["__name__": "m", "s": "a"]) }

    @Test func totalsAreOnDiskBeforeTheyAreInTheRings() throws {
        let first = try process()
        #expect(pull(records(3), first))
        #expect(value == 3)
        #expect(pulls.commits.map { $0.totals.map(\.totals) } == [[[3]]])
        #expect(judge.sources == [Self.source])
        #expect(logs.records.count == 3)
    }

    @Test(arguments: [0, 1, 20])
    func aPageWhoseCountsNeverReachedTheRingsIsCountedByTheNextProcess(_ secondsDown: Int64) throws
    {
        let first = try process()
        #expect(pull(records(3), first))
        clock.advance(by: .seconds(2))
        // The process dies between the commit and the rings: they refuse what comes.
        var refusal = AppendResult()
        refusal.refuse(.notStored, samples: 1, "the disk takes nothing")
        let before = store.series
        let position = PullPosition(readTo: clock.now(), knownFrom: clock.now())
        var commit = PullCommit(source: Self.source, position: position, counted: [])
        commit.totals = [
            LogTotal(
                shape: try #require(pulls.commits.first?.totals.first?.shape),
                labels: ["a"],
                totals: [8],
                stamp: clock.now().milliseconds - 499,
                source: Self.source
            ),
            LogTotal(
                shape: try #require(pulls.commits.first?.totals.first?.shape),
                labels: ["new"],
                totals: [2],
                stamp: clock.now().milliseconds - 499,
                source: Self.source
            ),
        ]
        try pulls.commitPull(commit)
        #expect(store.series == before)
        clock.advance(by: .seconds(secondsDown))
        let second = try process()
        #expect(pull(records(1), second))
        #expect(value == 9)
        second.metrics.tick(into: store)
        // A series that the rings have never seen begins with its 0.
        let fresh = try #require(store.series[["__name__": "m", "s": "new"]])
        #expect(fresh.points.values.contains(0))
        #expect(store.value(["__name__": "m", "s": "new"]) == 2)
    }

    @Test func whatOthersAddedSinceIsNotLostToAnOlderTotal() throws {
        let first = try process()
        #expect(pull(records(3), first))
        clock.advance(by: .seconds(5))
        guard case .admitted = first.door.admit(records(4), from: "bulk") else {
            Issue.record("turned away")
            return
        }
        #expect(value == 7)
        clock.advance(by: .seconds(5))
        let second = try process()
        #expect(pull(records(1), second))
        #expect(value == 8)
    }

    @Test func histogramsComeBackWhole() throws {
        let kind = LogMetricDefinition.Kind.histogram(value: "t", bounds: [1, 5])
        let first = try process(kind)
        for t in [0.5, 3, 9] { #expect(pull(records(1, t: t), first)) }
        let shape = try #require(pulls.commits.last?.totals.first?.shape)
        #expect(pulls.commits.last?.totals.first?.totals == [1, 1, 1, 12.5])
        var commit = PullCommit(
            source: Self.source,
            position: PullPosition(readTo: clock.now(), knownFrom: clock.now()),
            counted: []
        )
        commit.totals = [
            LogTotal(
                shape: shape,
                labels: ["a"],
                totals: [3, 1, 1, 13.5],
                stamp: clock.now().milliseconds - 499,
                source: Self.source
            )
        ]
        try pulls.commitPull(commit)
        let second = try process(kind)
        second.metrics.tick(into: store)
        #expect(store.value(["__name__": "m_count", "s": "a"]) == 5)
        #expect(store.value(["__name__": "m_sum", "s": "a"]) == 13.5)
        #expect(store.value(["__name__": "m_bucket", "s": "a", "le": "1"]) == 3)
    }

    @Test func aPageWhosePositionCannotBeSavedIsNotCountedAndJudgedOnce() throws {
        let first = try process()
        pulls.setBroken(true)
        var page = PulledPage(records(5))
        for _ in 0..<3 { #expect(!take(&page, first)) }
        #expect(value == nil || value == 0)
        #expect(logs.records.isEmpty)
        pulls.setBroken(false)
        #expect(take(&page, first))
        #expect(value == 5)
        #expect(judge.judged == 5)
        #expect(logs.records.count == 5)
    }

    @Test func aCommittedPageIsCountedThoughTheRingsRefuseIt() throws {
        let first = try process()
        var refusal = AppendResult()
        refusal.refuse(.notStored, samples: 1, "the disk takes nothing")
        store.refusals = refusal
        #expect(pull(records(5), first))
        store.refusals = AppendResult()
        #expect(pull(records(1), first))
        #expect(value == 6)
    }

    @Test func recordsThatNoMetricCountsMoveThePositionToo() throws {
        let registry = MetricsRegistry()
        let metrics = LogMetrics(clock: clock, metrics: registry, log: .silent)
        let door = Admission(
            samples: store,
            records: logs,
            logMetrics: metrics,
            sources: SourceRegistry(clock: clock, metrics: registry),
            clock: clock
        )
        #expect(pull(records(2), Process(metrics: metrics, door: door)))
        #expect(pulls.commits.count == 1)
    }

    // MARK: Silence

    /// Ticks for so long, each second, and gives how many samples that brought the series.
    func repeats(_ metrics: LogMetrics, for seconds: Int) -> Int {
        let before = store.series[["__name__": "m", "s": "a"]]?.arrivals.count ?? 0
        for _ in 0..<seconds {
            clock.advance(by: .seconds(1))
            metrics.tick(into: store)
        }
        return (store.series[["__name__": "m", "s": "a"]]?.arrivals.count ?? 0) - before
    }

    @Test func aSeriesIsKeptAliveOnlyAsFarAsItsSourceIsRead() throws {
        let first = try process()
        #expect(pull(records(1), first))
        board.completed(Self.source, readTo: clock.now(), at: clock.now())
        #expect(repeats(first.metrics, for: 60) == 0)
        #expect(first.metrics.blindness("m", at: clock.now())?.contains("late: read up to") == true)
        board.failed(Self.source, problem: "401")
        #expect(first.metrics.blindness("m", at: clock.now()) == "elasticsearch/logs: 401")
        #expect(first.metrics.blindness("other", at: clock.now()) == nil)
        board.completed(Self.source, readTo: clock.now(), at: clock.now())
        first.metrics.tick(into: store)
        #expect(store.series[["__name__": "m", "s": "a"]]?.arrivals.count ?? 0 > 2)
        #expect(first.metrics.blindness("m", at: clock.now()) == nil)
    }

    @Test func aSeriesThatOthersFeedTooIsNotHeld() throws {
        let first = try process()
        #expect(pull(records(1), first))
        _ = first.door.admit(records(1), from: "bulk")
        #expect(repeats(first.metrics, for: 60) >= 3)
        #expect(first.metrics.blindness("m", at: clock.now()) == nil)
    }

    @Test func whoFedASeriesIsKnownAfterARestart() throws {
        let first = try process()
        #expect(pull(records(1), first))
        clock.advance(by: .seconds(60))
        let second = try process()
        #expect(repeats(second.metrics, for: 60) == 0)
        #expect(second.metrics.blindness("m", at: clock.now()) != nil)
    }
}
