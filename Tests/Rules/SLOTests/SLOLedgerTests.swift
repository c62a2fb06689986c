import Model
import Rules
import TestSupport
import Testing
import Timekeeping

@testable import SLO

@Suite struct SLOLedgerTests {
    /// Every event kept, summed the slow way.
    private struct Oracle {
        var bad: [(at: Timestamp, events: Int64)] = []
        var total: [(at: Timestamp, events: Int64)] = []

        func count(_ minutes: Range<Int64>) -> (bad: Int64, total: Int64) {
            func sum(_ events: [(at: Timestamp, events: Int64)]) -> Int64 {
                events.filter { minutes.contains(EventSide.minute($0.at)) }
                    .reduce(0) { $0 + $1.events }
            }
            return (sum(bad), sum(total))
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
    func countersEqualTheSumOfEveryIncrease(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var ledger = SLOLedger(definition: SLOFixtures.ratio(window: .seconds(7200)))
        var oracle = Oracle()
        var history: [(labels: LabelSet, samples: [Sample])] = []
        for pod in 0..<3 {
            for name in ["bad", "total"] {
                history.append((["__name__": name, "pod": "\(pod)"], []))
            }
        }
        var now = SLOFixtures.minute(0)
        for _ in 0..<400 {
            now = now + .milliseconds(Int64.random(in: 1000...40000, using: &random))
            for index in history.indices {
                let last = history[index].samples.last
                let reset = Int.random(in: 0..<50, using: &random) == 0
                let step = Int64.random(in: 0...20, using: &random)
                let value = reset ? Double(step) : (last?.value ?? 100) + Double(step)
                if let last {
                    let events = value < last.value ? Int64(value) : Int64(value - last.value)
                    if history[index].labels.name == "bad" {
                        oracle.bad.append((now, events))
                    } else {
                        oracle.total.append((now, events))
                    }
                }
                history[index].samples.append(Sample(now, value))
            }
            // Each read goes back a random way: what was counted is not counted again.
            let reach = Duration.seconds(Int64.random(in: 60...3600, using: &random))
            for (labels, samples) in history {
                let seen = samples.filter { $0.timestamp > now - reach }
                let one = [SLOFixtures.series(labels, seen)]
                if labels.name == "bad" {
                    ledger.observeFirst(one)
                } else {
                    ledger.observeTotal(one)
                }
            }
            let end = EventSide.minute(now) + 1
            let start = end - Int64.random(in: 1...119, using: &random)
            let expected = oracle.count(start..<end)
            let found = ledger.count(start..<end)
            #expect(found.bad == expected.bad)
            #expect(found.total == max(expected.total, expected.bad))
        }
    }

    @Test(arguments: [11, 12, 13] as [UInt64])
    func deltasEqualTheNewestValueOfEveryPeriod(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let definition = SLOFixtures.ratio(window: .seconds(7200), kind: .delta)
        var ledger = SLOLedger(definition: definition)
        let store = MemoryBudgetStore()
        var newest: [Int64: (bad: Int64, total: Int64)] = [:]
        for step in 0..<300 as Range<Int64> {
            // Late and revised points: any of the last ten periods may change.
            for _ in 0..<4 {
                let minute = max(0, step - Int64.random(in: 0..<10, using: &random))
                let total = Int64.random(in: 0...1000, using: &random)
                newest[minute] = (Int64.random(in: 0...total, using: &random), total)
                let value = newest[minute] ?? (0, 0)
                let at = SLOFixtures.minute(minute)
                ledger.observeFirst([
                    SLOFixtures.series(["__name__": "bad"], [Sample(at, Double(value.bad))])
                ])
                ledger.observeTotal([
                    SLOFixtures.series(["__name__": "total"], [Sample(at, Double(value.total))])
                ])
            }
            // A restart at any moment: what was kept is enough to go on.
            try? store.saveLedger(key: "k", changes: ledger.takeChanges())
            if Int.random(in: 0..<10, using: &random) == 0 {
                var restarted = SLOLedger(definition: definition)
                if let record = try? store.loadLedger(
                    key: "k",
                    slotsFrom: 0,
                    contributionsFrom: .distantPast
                ) {
                    restarted.restore(record)
                }
                ledger = restarted
            }
            let end = EventSide.minute(SLOFixtures.minute(step)) + 1
            let start = end - Int64.random(in: 1...119, using: &random)
            let found = ledger.count(start..<end)
            let base = EventSide.minute(SLOFixtures.minute(0))
            let kept = newest.filter { (start..<end).contains(base + $0.key) }.values
            #expect(found.bad == kept.reduce(0) { $0 + $1.bad })
            #expect(found.total == kept.reduce(0) { $0 + $1.total })
        }
    }

    @Test func theFirstSightOfACounterIsItsBaseline() {
        var ledger = SLOLedger(definition: SLOFixtures.ratio())
        ledger.observeTotal([
            SLOFixtures.series(
                ["__name__": "total"],
                [Sample(SLOFixtures.minute(0), 500), Sample(SLOFixtures.minute(1), 507)]
            )
        ])
        let base = EventSide.minute(SLOFixtures.minute(0))
        #expect(ledger.count(base..<base + 1).total == 0)
        #expect(ledger.count(base + 1..<base + 2).total == 7)
    }

    @Test func aPercentageIsWeighedByItsTotalOnceBothAreThere() {
        let total = SLODefinition.Count(
            selectors: [SLOFixtures.expression("total")],
            kind: .delta
        )
        var ledger = SLOLedger(
            definition: SLODefinition(
                name: "latency",
                objective: 0.99,
                window: .rolling(.seconds(3600)),
                indicator: .percentageOfTotal(
                    percentage: SLOFixtures.expression("pr"),
                    total: total
                ),
                location: SLOFixtures.place
            )
        )
        let base = EventSide.minute(SLOFixtures.minute(0))
        let at = SLOFixtures.minute(0)
        ledger.observeTotal([
            SLOFixtures.series(["__name__": "total", "lb": "a"], [Sample(at, 1000)])
        ])
        #expect(ledger.count(base..<base + 1).total == 0)
        ledger.observeFirst([SLOFixtures.series(["__name__": "pr", "lb": "a"], [Sample(at, 98.7)])])
        #expect(ledger.count(base..<base + 1).bad == 13)
        #expect(ledger.count(base..<base + 1).total == 1000)
        // Another load balancer's percentage has nothing to weigh with.
        ledger.observeFirst([SLOFixtures.series(["__name__": "pr", "lb": "b"], [Sample(at, 10)])])
        #expect(ledger.count(base..<base + 1).bad == 13)
    }

    @Test func silenceIsUnknownNotZero() {
        var ledger = SLOLedger(definition: SLOFixtures.ratio())
        func total(_ minute: Int64, _ value: Double) {
            ledger.observeTotal([
                SLOFixtures.series(
                    ["__name__": "total"],
                    [Sample(SLOFixtures.minute(minute), value)]
                )
            ])
        }
        total(0, 0)
        total(4, 40)
        total(20, 50)
        let base = EventSide.minute(SLOFixtures.minute(0))
        // Four minutes apart is one scrape missed; sixteen is a gap.
        #expect(ledger.count(base..<base + 5).knownMinutes == 5)
        #expect(ledger.count(base + 5..<base + 20).knownMinutes == 0)
        #expect(ledger.count(base + 20..<base + 21).knownMinutes == 1)
    }
}
