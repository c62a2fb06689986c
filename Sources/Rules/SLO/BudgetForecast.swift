import Timekeeping

/// Walks a window's slots forward, old minutes leaving as new ones come.
struct BudgetForecast {
    let ledger: SLOLedger
    let budgetRatio: Double
    let minutes: Range<Int64>

    /// The first minute at which bad events exceed the budget, when each coming minute brings the given
    /// events; nil when that does not happen within one window.
    func exhaustion(badPerMinute: Double, totalPerMinute: Double) -> Timestamp? {
        walk(badPerMinute: badPerMinute, totalPerMinute: totalPerMinute) { bad, total in
            bad > budgetRatio * total
        }
    }

    /// The first minute at which an overspent budget is back, when traffic goes on as the window's mean
    /// and nothing fails any more.
    func recovery() -> Timestamp? {
        let count = ledger.count(minutes)
        guard count.knownMinutes > 0 else { return nil }
        let mean = Double(count.total) / Double(count.knownMinutes)
        return walk(badPerMinute: 0, totalPerMinute: mean) { bad, total in
            bad <= budgetRatio * total
        }
    }

    private func walk(
        badPerMinute: Double,
        totalPerMinute: Double,
        until reached: (Double, Double) -> Bool
    ) -> Timestamp? {
        let now = ledger.count(minutes)
        var bad = Double(now.bad)
        var total = Double(now.total)
        for step in 0..<Int64(minutes.count) {
            let leaving = ledger.count(minutes.lowerBound + step..<minutes.lowerBound + step + 1)
            bad += badPerMinute - Double(leaving.bad)
            total += totalPerMinute - Double(leaving.total)
            if reached(bad, total) {
                return BudgetCalculator.moment(minutes.upperBound + step + 1)
            }
        }
        return nil
    }
}
