import Model
import Rules
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timekeeping

@testable import SLO

@Suite struct SLOTrackerTests {
    private func tracker(_ series: [SeriesSamples], _ store: MemoryBudgetStore) -> SLOTracker {
        SLOTracker(
            source: SeriesList(series),
            store: store,
            retention: .seconds(6 * 3600),
            log: .silent,
            metrics: MetricsRegistry()
        )
    }

    private func traffic(minutes: Range<Int64>, failingFrom: Int64) -> [SeriesSamples] {
        var bad: [Sample] = []
        var total: [Sample] = []
        var failures = 0.0
        for minute in minutes {
            if minute >= failingFrom { failures += 50 }
            bad.append(Sample(SLOFixtures.minute(minute), failures))
            total.append(Sample(SLOFixtures.minute(minute), Double(minute) * 100))
        }
        return [
            SLOFixtures.series(["__name__": "bad"], bad),
            SLOFixtures.series(["__name__": "total"], total),
        ]
    }

    @Test func aBurningBudgetIsOneAlertThatRisesAndResolves() throws {
        let series = traffic(minutes: 0..<200, failingFrom: 60)
        let store = MemoryBudgetStore()
        let tracker = tracker(series, store)
        try tracker.load([SLOFixtures.ratio()], at: SLOFixtures.minute(0))
        var seen: [AlertTransition] = []
        for minute in 1..<80 as Range<Int64> {
            seen += tracker.tick(at: SLOFixtures.minute(minute))
        }
        #expect(seen.first?.change == .fired(.crit))
        #expect(seen.last?.priority == .p1)
        #expect(Set(seen.map(\.fingerprint)).count == 1)
        let status = try #require(tracker.status(of: "availability", at: SLOFixtures.minute(79)))
        #expect(status.bad == 19 * 50 + 50)
        #expect(status.total == 79 * 100)
    }

    @Test func aRestartGoesOnWhereItStoppedAndSaysNothingTwice() throws {
        let series = traffic(minutes: 0..<100, failingFrom: 60)
        let store = MemoryBudgetStore()
        let first = tracker(series, store)
        try first.load([SLOFixtures.ratio()], at: SLOFixtures.minute(0))
        var said: [AlertTransition] = []
        for minute in 1..<75 as Range<Int64> { said += first.tick(at: SLOFixtures.minute(minute)) }
        #expect(said.map(\.sequence) == Array(1...Int64(said.count)))
        let second = tracker(series, store)
        try second.load([SLOFixtures.ratio()], at: SLOFixtures.minute(75))
        let again = second.tick(at: SLOFixtures.minute(75))
        // The last transition is given once more, under its own number, in case nobody acted on it.
        #expect(again == [try #require(said.last)])
        #expect(second.tick(at: SLOFixtures.minute(75)).isEmpty)
        let status = try #require(second.status(of: "availability", at: SLOFixtures.minute(75)))
        #expect(status.total == 75 * 100)
        #expect(status.bad == 16 * 50)
    }

    /// A source that catches up brings hours at once; a tick that reads minutes must not take their end for all.
    @Test(arguments: [SLODefinition.CountKind.counter, .delta])
    func hoursThatASourceFillsInAtOnceAreAllCounted(_ kind: SLODefinition.CountKind) throws {
        let rings = FillingRings()
        let tracker = SLOTracker(
            source: rings,
            store: MemoryBudgetStore(),
            retention: .seconds(6 * 3600),
            log: .silent,
            metrics: MetricsRegistry()
        )
        let now = SLOFixtures.minute(300)
        try tracker.load([SLOFixtures.ratio(kind: kind)], at: now)
        _ = tracker.tick(at: now)
        let events = (0...300).map { minute in
            Sample(SLOFixtures.minute(minute), kind == .counter ? 7000 + 10 * Double(minute) : 10)
        }
        // In two pieces, as it comes: the second begins hours after what was read of the first.
        rings.fill([SLOFixtures.series(["__name__": "total"], Array(events.prefix(100)))])
        _ = tracker.tick(at: now + .seconds(1))
        rings.fill([SLOFixtures.series(["__name__": "total"], events)])
        _ = tracker.tick(at: now + .seconds(2))
        let status = try #require(tracker.status(of: "availability", at: now + .seconds(2)))
        #expect(status.total == (kind == .counter ? 300 : 301) * 10)
        #expect(status.coverage == 1)
        // Known series are read over the last minutes only.
        let before = rings.reads
        _ = tracker.tick(at: now + .seconds(3))
        #expect(rings.reads - before == 2)
    }

    @Test func aWriteThatFailsLosesNeitherCountsNorTheAlert() throws {
        let series = traffic(minutes: 0..<100, failingFrom: 60)
        let store = MemoryBudgetStore()
        let tracker = tracker(series, store)
        try tracker.load([SLOFixtures.ratio()], at: SLOFixtures.minute(0))
        for minute in 1..<60 as Range<Int64> { _ = tracker.tick(at: SLOFixtures.minute(minute)) }
        store.fails = true
        for minute in 60..<70 as Range<Int64> {
            #expect(tracker.tick(at: SLOFixtures.minute(minute)).isEmpty)
        }
        store.fails = false
        let said = tracker.tick(at: SLOFixtures.minute(70))
        #expect(said.contains { $0.priority == .p1 })
        // What a restart reads back is everything, the minutes of the failing disk included.
        let again = self.tracker([], store)
        try again.load([SLOFixtures.ratio()], at: SLOFixtures.minute(70))
        let status = try #require(again.status(of: "availability", at: SLOFixtures.minute(70)))
        #expect(status.total == 70 * 100)
        #expect(status.bad == 11 * 50)
    }

    @Test func silenceHoldsTheAlertAndSaysSo() throws {
        let series = traffic(minutes: 0..<70, failingFrom: 60)
        let store = MemoryBudgetStore()
        let tracker = tracker(series, store)
        try tracker.load([SLOFixtures.ratio()], at: SLOFixtures.minute(0))
        var seen: [AlertTransition] = []
        for minute in 1..<120 as Range<Int64> {
            seen += tracker.tick(at: SLOFixtures.minute(minute))
        }
        guard case .blind = seen.last?.change else {
            Issue.record("the alert was not held: \(seen)")
            return
        }
        #expect(!seen.contains { $0.change == .resolved })
    }

    @Test func unknownBudgetsHaveNoSamples() throws {
        let tracker = tracker([], MemoryBudgetStore())
        try tracker.load([SLOFixtures.ratio()], at: SLOFixtures.minute(0))
        _ = tracker.tick(at: SLOFixtures.minute(1))
        let families = BudgetMetrics.families(tracker.statuses(at: SLOFixtures.minute(1)))
        #expect(!families.contains { $0.name == "tocsin_slo_error_budget_remaining_ratio" })
        #expect(families.contains { $0.name == "tocsin_slo_objective_ratio" })
        #expect(families.flatMap(\.points).allSatisfy { $0.value.isFinite })
    }
}

/// Rings that a source fills while they are read.
private final class FillingRings: SeriesReading {
    private let state = Mutex<(series: [SeriesSamples], reads: Int)>(([], 0))

    var reads: Int { state.withLock { $0.reads } }

    func fill(_ series: [SeriesSamples]) { state.withLock { $0.series = series } }

    func select(
        _ selection: SeriesSelection,
        sampleLimit: Int
    ) throws(SeriesReadingError) -> [SeriesSamples] {
        let series = state.withLock { state in
            state.reads += 1
            return state.series
        }
        return try SeriesList(series).select(selection, sampleLimit: sampleLimit)
    }

    func labelSets(_ selection: SeriesSelection) throws(SeriesReadingError) -> [LabelSet] {
        try SeriesList(state.withLock { $0.series }).labelSets(selection)
    }
}
