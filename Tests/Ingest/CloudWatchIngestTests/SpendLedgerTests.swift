import CloudWatchIngest
import Model
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timekeeping

/// A store of spend in memory, which can be made to fail.
final class FakeSpendStore: SpendStoring {
    struct Refusal: Error {}

    private struct Held {
        var rows: [String: MonthSpend] = [:]
        var isFailing = false
        var oldest = ""
    }

    private let held = Mutex(Held())

    var isFailing: Bool {
        get { held.withLock { $0.isFailing } }
        set { held.withLock { $0.isFailing = newValue } }
    }

    var oldest: String { held.withLock { $0.oldest } }

    func loadSpend(account: String, month: String) throws -> [MonthSpend.Row] {
        try held.withLock { held in
            if held.isFailing { throw Refusal() }
            return held.rows[account + month]?.rows ?? []
        }
    }

    func addSpend(
        _ rows: [MonthSpend.Row],
        account: String,
        month: String,
        forgettingBefore oldest: String
    ) throws {
        try held.withLock { held in
            if held.isFailing { throw Refusal() }
            held.oldest = oldest
            for row in rows { held.rows[account + month, default: MonthSpend()].add(row) }
        }
    }
}

/// Every call is priced, and the month's sums survive.
@Suite struct SpendLedgerTests {
    let clock = ManualClock(Timestamp(year: 2026, month: 11, day: 30, hour: 23, minute: 59))
    let store = FakeSpendStore()

    private func ledger(_ prices: CloudWatchPrices = CloudWatchPrices()) -> SpendLedger {
        SpendLedger(account: "own", prices: prices, store: store, clock: clock, log: .silent)
    }

    private var shared: PlannedQuery {
        var query = CallChoiceTests.query("CPU", .plain(.average))
        query.readers = [
            NeedReader(name: "a/One", priority: .p1), NeedReader(name: "b/Two", priority: .p3),
        ]
        return query
    }

    @Test func metricsAreBilledByQueryNotByPage() {
        let ledger = ledger()
        let query = shared
        ledger.record(.getMetricData, for: Array(repeating: query, count: 500))
        ledger.record(
            .getMetricData,
            for: Array(repeating: query, count: 500),
            isFurtherPage: true
        )
        let spend = ledger.spend(at: clock.now())
        #expect(spend[.getMetricData].requests == 2)
        #expect(spend[.getMetricData].units == 500)
        #expect(abs(spend.dollars - 0.005) < 1e-12)
        #expect(abs(spend[.metric, "N CPU Average"].dollars - 0.005) < 1e-12)
        #expect(abs(spend[.rule, "a/One"].dollars - 0.0025) < 1e-12)
        #expect(abs(spend[.rule, "b/Two"].dollars - 0.0025) < 1e-12)
    }

    @Test func requestsAreFreeUntilTheyAreNot() {
        let ledger = ledger(CloudWatchPrices(freeRequests: 3))
        ledger.record(.listMetrics)
        ledger.record(.listMetrics)
        for _ in 0..<4 { ledger.record(.getMetricStatistics, for: [shared]) }
        ledger.record(.describeDBInstances)
        let spend = ledger.spend(at: clock.now())
        #expect(spend.billedRequests == 6)
        #expect(abs(spend[.getMetricStatistics].dollars - 3 * 0.00001) < 1e-12)
        #expect(spend[.listMetrics].dollars == 0)
        #expect(spend[.describeDBInstances].units == 1)
        #expect(abs(spend[.rule, "a/One"].dollars - 1.5 * 0.00001) < 1e-12)
    }

    @Test func sumsComeBackAfterARestartAndEndWithTheMonth() {
        let first = ledger()
        first.load()
        first.record(.getMetricData, for: [shared])
        first.flush()
        first.record(.getMetricData, for: [shared])
        // The process dies here: one call since the last flush is lost, no more.
        let second = ledger()
        second.load()
        #expect(second.spend(at: clock.now())[.getMetricData].units == 1)
        second.record(.getMetricData, for: [shared])
        #expect(second.spend(at: clock.now())[.getMetricData].units == 2)

        clock.advance(by: .seconds(120))
        #expect(second.spend(at: clock.now()).isEmpty)
        second.record(.getMetricData, for: [shared, shared])
        second.flush()
        #expect(second.spend(at: clock.now())[.getMetricData].units == 2)
        #expect(store.oldest <= "2025-12")
        let november = (try? store.loadSpend(account: "own", month: "2026-11")) ?? []
        #expect(MonthSpend(november)[.getMetricData].units == 2)
        let december = (try? store.loadSpend(account: "own", month: "2026-12")) ?? []
        #expect(MonthSpend(december)[.getMetricData].units == 2)
    }

    @Test func aFailingStoreLosesNothingAndIsToldOnce() {
        let lines = Mutex<[String]>([])
        let log = Log(component: "cloudwatch", level: .warn) { line in
            lines.withLock { $0.append("\(line)") }
        }
        let ledger = SpendLedger(
            account: "own",
            prices: CloudWatchPrices(),
            store: store,
            clock: clock,
            log: log
        )
        ledger.load()
        store.isFailing = true
        for _ in 0..<3 {
            ledger.record(.getMetricData, for: [shared])
            ledger.flush()
        }
        #expect(lines.withLock { $0.count } == 1)
        store.isFailing = false
        ledger.flush()
        let rows = (try? store.loadSpend(account: "own", month: "2026-11")) ?? []
        #expect(MonthSpend(rows)[.getMetricData].units == 3)
        #expect(abs(MonthSpend(rows)[.rule, "a/One"].dollars - 1.5 * 0.00001) < 1e-12)
    }

    @Test(arguments: [
        (Timestamp(year: 2026, month: 12, day: 31), "2026-12", 31),
        (Timestamp(year: 2028, month: 2, day: 1), "2028-02", 29),
        (Timestamp(year: 2026, month: 11, day: 30, hour: 23), "2026-11", 30),
    ])
    func monthsAreThoseOfTheCalendar(_ moment: Timestamp, _ name: String, _ days: Int) {
        let month = SpendMonth(containing: moment)
        #expect(month.description == name)
        #expect(month.length == .seconds(days * 86400))
        #expect(month.start <= moment && moment < month.end)
    }

    @Test(arguments: [
        (0.0, "$0.00"), (8.024, "$8.02"), (0.00432, "$0.0043"), (-1.5, "-$1.50"),
        (1234.5, "$1234.50"),
    ])
    func dollarsAreReadable(_ dollars: Double, _ text: String) {
        #expect(DollarText.text(dollars) == text)
    }
}
