import Model
import Rules
import TestSupport
import Testing
import Timekeeping

@testable import SLO

@Suite struct BudgetCalculatorTests {
    /// A ledger whose every minute has the given events.
    private func ledger(
        _ definition: SLODefinition,
        minutes: Range<Int64>,
        total: Int64,
        bad: (Int64) -> Int64
    ) -> SLOLedger {
        var ledger = SLOLedger(definition: definition)
        for minute in minutes {
            let at = SLOFixtures.minute(minute)
            ledger.observeTotal([
                SLOFixtures.series(["__name__": "total"], [Sample(at, Double(total))])
            ])
            ledger.observeFirst([
                SLOFixtures.series(["__name__": "bad"], [Sample(at, Double(bad(minute)))])
            ])
        }
        return ledger
    }

    @Test func theHandbookExampleComesOutToTheDigit() throws {
        // 41,257,279 events, 24,261 bad, at 99.9 % over 30 days.
        var ledger = SLOLedger(definition: SLOFixtures.ratio(kind: .delta))
        let at = SLOFixtures.minute(0)
        ledger.observeTotal([SLOFixtures.series(["__name__": "total"], [Sample(at, 41_257_279)])])
        ledger.observeFirst([SLOFixtures.series(["__name__": "bad"], [Sample(at, 24261)])])
        let status = BudgetCalculator(ledger: ledger, at: at).status(at: at)
        #expect(status.good == 41_233_018)
        #expect(status.budgetEvents == 41257.279)
        #expect(status.remainingEvents == 16996)
        let attained = try #require(status.attained)
        #expect(abs(attained - 0.999412) < 5e-7)
        let seconds = try #require(status.remainingSeconds)
        #expect(Int(seconds) == 17 * 60 + 47)
        #expect(status.window.end - status.window.start == .seconds(30 * 86400))
    }

    @Test func nothingKnownIsNilNeverZero() {
        let ledger = SLOLedger(definition: SLOFixtures.ratio())
        let at = SLOFixtures.minute(0)
        let status = BudgetCalculator(ledger: ledger, at: at).status(at: at)
        #expect(status.verdict == .insufficientData)
        #expect(status.attained == nil)
        #expect(status.remainingRatio == nil)
        #expect(status.coverage == nil)
        #expect(status.exhaustion == nil)
        #expect(status.burns.allSatisfy { $0.rate == nil && !$0.isFiring })
        #expect(BudgetCalculator(ledger: ledger, at: at).burnAlert() == nil)
    }

    struct Trip: CustomTestStringConvertible {
        let errorRatio: Double
        /// Minutes of errors after which each pair fires, in the standard order; nil: never.
        let minutes: [Int64?]
        var testDescription: String { "errors of \(errorRatio * 100) %" }
    }

    /// Factor times budget ratio times long window over error ratio, on whole minutes.
    @Test(arguments: [
        Trip(errorRatio: 1, minutes: [1, 3, 5, 5]),
        Trip(errorRatio: 0.1, minutes: [9, 22, 44, 44]),
        Trip(errorRatio: 0.05, minutes: [18, 44, 87, 87]),
        Trip(errorRatio: 0.02, minutes: [44, 108, 216, 216]),
        Trip(errorRatio: 0.01, minutes: [nil, 216, 432, 432]),
        Trip(errorRatio: 0.005, minutes: [nil, nil, 864, 864]),
        Trip(errorRatio: 0.0005, minutes: [nil, nil, nil, nil]),
    ])
    func eachPairTripsAtTheMinuteTheFormulaGives(_ trip: Trip) {
        let total: Int64 = 10000
        let bad = Int64(Double(total) * trip.errorRatio)
        let definition = SLOFixtures.ratio(kind: .delta)
        var ledger = ledger(definition, minutes: -4320..<0, total: total) { _ in 0 }
        var tripped: [Int64?] = [nil, nil, nil, nil]
        for minute in 0..<900 as Range<Int64> {
            let at = SLOFixtures.minute(minute)
            ledger.observeTotal([
                SLOFixtures.series(["__name__": "total"], [Sample(at, Double(total))])
            ])
            ledger.observeFirst([
                SLOFixtures.series(["__name__": "bad"], [Sample(at, Double(bad))])
            ])
            let calculator = BudgetCalculator(ledger: ledger, at: at)
            for (index, pair) in calculator.pairs.enumerated()
            where tripped[index] == nil && calculator.isFiring(pair) {
                tripped[index] = minute + 1
            }
        }
        #expect(tripped == trip.minutes)
    }

    @Test func factorsOfShorterWindowsNeverFallUnderOne() {
        for days in [1, 7, 14, 28, 30, 90] as [Int64] {
            let pairs = BurnRatePair.standard(window: .seconds(days * 86400))
            #expect(pairs.allSatisfy { $0.factor >= 1 })
        }
        #expect(
            BurnRatePair.standard(window: .seconds(30 * 86400)).map(\.factor) == [14.4, 6, 3, 1]
        )
    }

    @Test func aQuietServiceThatFailsWhollyPages() {
        // Two requests an hour, all bad for three hours: no pair has enough events for its floor.
        let definition = SLOFixtures.ratio(kind: .delta)
        let ledger = ledger(definition, minutes: 0..<360, total: 0) { _ in 0 }
        var dead = ledger
        for minute in stride(from: 0 as Int64, to: 360, by: 30) {
            let at = SLOFixtures.minute(minute)
            dead.observeTotal([SLOFixtures.series(["__name__": "total"], [Sample(at, 1)])])
            dead.observeFirst([SLOFixtures.series(["__name__": "bad"], [Sample(at, 1)])])
        }
        let at = SLOFixtures.minute(359)
        #expect(BudgetCalculator(ledger: ledger, at: at).burnAlert() == .quiet)
        #expect(BudgetCalculator(ledger: dead, at: at).burnAlert() == .page)
    }

    @Test func overspendingIsBreachedAndRecoversWhenOldErrorsLeave() throws {
        let definition = SLOFixtures.ratio(window: .seconds(7200), kind: .delta)
        let ledger = ledger(definition, minutes: 0..<120, total: 100) { $0 < 10 ? 50 : 0 }
        let at = SLOFixtures.minute(119)
        let status = BudgetCalculator(ledger: ledger, at: at).status(at: at)
        #expect(status.verdict == .breached)
        #expect((status.remainingRatio ?? 0) < 0)
        #expect((status.remainingEvents ?? 0) < 0)
        #expect(status.exhaustion == nil)
        // The tenth bad minute leaves ten minutes on; with a budget of 12 events nothing less will do.
        #expect(status.recoveryAt == SLOFixtures.minute(130))
    }
}
