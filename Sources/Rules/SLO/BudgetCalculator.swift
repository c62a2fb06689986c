import Rules
import Timekeeping

/// Derives the answers about one objective from its ledger.
struct BudgetCalculator {
    /// Below this share of known minutes there is no verdict.
    static let coverageMin = 0.95
    /// Less budget than this is a warning.
    static let remainingWarning = 0.25
    /// Exhaustion sooner than this is a warning.
    static let exhaustionWarning: Duration = .seconds(7 * 86400)
    /// The low-volume rule: at least this share of the last six hours' events are bad.
    static let lowVolumeBadRatio = 0.5
    /// The burn on one and five minutes that means an outage.
    static let outageFactor = 100.0
    /// Windows that are always shown.
    static let shownWindows: [Duration] = [300, 1800, 3600, 7200, 21600, 86400, 259_200]
        .map { .seconds($0) }

    let ledger: SLOLedger
    let pairs: [BurnRatePair]
    /// The minute after the current one: windows end here.
    let nowMinute: Int64
    /// The minute after the newest data, no later than `nowMinute`: burn rates look back from here, so that a
    /// source which settles minutes late is judged on what it has said.
    let watermarkMinute: Int64

    init(ledger: SLOLedger, at moment: Timestamp) {
        self.ledger = ledger
        pairs = BurnRatePair.standard(window: .seconds(60 * ledger.definition.windowMinutesMax))
        nowMinute = EventSide.minute(moment) + 1
        watermarkMinute = min(nowMinute, (ledger.newestMinute ?? nowMinute) + 1)
    }

    private var budgetRatio: Double { ledger.definition.budgetRatio }

    /// The window that ends with the current minute; a calendar month ends with the month.
    func window() -> (type: String, minutes: Range<Int64>, lengthMinutes: Int64) {
        switch ledger.definition.window {
        case .rolling(let span):
            let length = span.milliseconds / 60000
            return ("rolling", (nowMinute - length)..<nowMinute, length)
        case .calendarMonth(let zone):
            let today = zone.local(Timestamp(milliseconds: (nowMinute - 1) * 60000))
            let first = zone.moment(year: today.year, month: today.month, day: 1)
            let next = zone.moment(
                year: today.month == 12 ? today.year + 1 : today.year,
                month: today.month % 12 + 1,
                day: 1
            )
            let (start, end) = (first.milliseconds / 60000, next.milliseconds / 60000)
            return ("calendar_month", start..<nowMinute, end - start)
        }
    }

    /// Events in the last `span` before the watermark.
    func recent(_ span: Duration) -> SLOLedger.Count {
        ledger.count((watermarkMinute - span.milliseconds / 60000)..<watermarkMinute)
    }

    /// Bad over total over the budget ratio; nil without events.
    func burnRate(_ span: Duration) -> Double? {
        rate(recent(span))
    }

    private func rate(_ count: SLOLedger.Count) -> Double? {
        count.total == 0 ? nil : Double(count.bad) / Double(count.total) / budgetRatio
    }

    /// True when both windows burn at the factor or faster, with enough bad events to mean something.
    func isFiring(_ pair: BurnRatePair) -> Bool {
        let long = recent(pair.long)
        guard long.bad >= pair.badEventsMin, let longRate = rate(long),
            let shortRate = burnRate(pair.short)
        else { return false }
        return longRate >= pair.factor && shortRate >= pair.factor
    }

    /// The burn alert's level as the counts stand; nil when nothing was counted lately, so that nothing can be said.
    func burnAlert() -> BurnAlertState? {
        guard let watermark = ledger.newestMinute, nowMinute - watermark <= 15 else { return nil }
        let hour = recent(.seconds(3600))
        if let five = burnRate(.seconds(300)), let one = burnRate(.seconds(60)),
            min(five, one) >= min(BudgetCalculator.outageFactor, 0.9 / budgetRatio),
            recent(.seconds(300)).bad >= 5
        {
            return .outage
        }
        let firing = pairs.filter { isFiring($0) }
        if firing.contains(where: { $0.tier == .page }) { return .page }
        let sixHours = recent(.seconds(6 * 3600))
        if sixHours.bad >= 5, hour.bad > 0,
            Double(sixHours.bad) >= BudgetCalculator.lowVolumeBadRatio * Double(sixHours.total)
        {
            return .page
        }
        guard let slowest = firing.map(\.factor).max() else { return .quiet }
        return slowest > 1 ? .fastTicket : .slowTicket
    }

    /// The whole answer.
    func status(at moment: Timestamp) -> BudgetStatus {
        let (type, minutes, length) = window()
        let count = ledger.count(minutes)
        let allowed = budgetRatio * Double(count.total)
        let consumed = count.total == 0 ? nil : Double(count.bad) / allowed
        let remaining = consumed.map { 1 - $0 }
        let burns = burnTable()
        let measuredFrom = ledger.firstMinute.map { max($0, minutes.lowerBound) }
        let coverage = measuredFrom.map { first in
            Double(count.knownMinutes) / Double(max(1, watermarkMinute - first))
        }.map { min(1, $0) }
        let forecast = BudgetForecast(ledger: ledger, budgetRatio: budgetRatio, minutes: minutes)
        let exhaustion = exhaustion(count, forecast)
        let overspent = count.total > 0 && Double(count.bad) > allowed
        var status = BudgetStatus(
            name: ledger.definition.name,
            objective: ledger.definition.objective,
            window: .init(
                type: type,
                start: BudgetCalculator.moment(minutes.lowerBound),
                end: BudgetCalculator.moment(minutes.upperBound)
            ),
            verdict: .ok,
            good: count.good,
            bad: count.bad,
            total: count.total,
            attained: count.total == 0 ? nil : Double(count.good) / Double(count.total),
            budgetEvents: count.total == 0 ? nil : (allowed * 1e6).rounded() / 1e6,
            consumedRatio: consumed,
            remainingRatio: remaining,
            remainingEvents: count.total == 0
                ? nil : Int64((allowed - Double(count.bad)).rounded(.down)),
            remainingSeconds: remaining.map { $0 * budgetRatio * Double(length * 60) },
            burns: burns,
            exhaustion: exhaustion,
            recoveryAt: overspent ? forecast.recovery() : nil,
            coverage: coverage,
            measuredSince: ledger.firstMinute.map(BudgetCalculator.moment),
            days: days(minutes),
            asOf: moment
        )
        status.verdict = verdict(status, overspent: overspent, coverage: coverage)
        return status
    }

    static func moment(_ minute: Int64) -> Timestamp { Timestamp(milliseconds: minute * 60000) }

    private func burnTable() -> [BudgetStatus.Burn] {
        BudgetCalculator.shownWindows.map { span in
            let pair = pairs.first { $0.long == span }
            return BudgetStatus.Burn(
                window: span,
                rate: burnRate(span),
                threshold: pair?.factor,
                isFiring: pair.map(isFiring) ?? false
            )
        }
    }

    private func exhaustion(
        _ count: SLOLedger.Count,
        _ forecast: BudgetForecast
    ) -> BudgetStatus.Exhaustion? {
        guard count.total > 0, Double(count.bad) <= budgetRatio * Double(count.total) else {
            return nil
        }
        let spans: [(name: String, span: Duration)] = [
            ("1h", .seconds(3600)), ("6h", .seconds(21600)), ("3d", .seconds(259_200)),
        ]
        let moments = spans.compactMap { name, span -> (name: String, at: Timestamp)? in
            let recent = recent(span)
            // Traffic is judged by the minutes that were reported on, not by the span's length.
            guard recent.bad > 0, recent.knownMinutes > 0 else { return nil }
            return forecast.exhaustion(
                badPerMinute: Double(recent.bad) / Double(recent.knownMinutes),
                totalPerMinute: Double(recent.total) / Double(recent.knownMinutes)
            ).map { (name, $0) }
        }
        guard let earliest = moments.min(by: { $0.at < $1.at }),
            let latest = moments.max(by: { $0.at < $1.at })
        else { return nil }
        let hasRange = moments.count > 1 && latest.at > earliest.at
        return BudgetStatus.Exhaustion(
            earliest: earliest.at,
            latest: hasRange ? latest.at : nil,
            basis: hasRange ? "\(earliest.name) / \(latest.name) rate" : "\(earliest.name) rate"
        )
    }

    private func verdict(
        _ status: BudgetStatus,
        overspent: Bool,
        coverage: Double?
    ) -> BudgetVerdict {
        guard status.total > 0, let coverage, coverage >= BudgetCalculator.coverageMin else {
            return .insufficientData
        }
        if overspent { return .breached }
        let soon = status.exhaustion.map {
            $0.earliest - status.asOf < BudgetCalculator.exhaustionWarning
        }
        if status.burns.contains(where: \.isFiring) || soon ?? false
            || (status.remainingRatio ?? 1) < BudgetCalculator.remainingWarning
        {
            return .warning
        }
        return .ok
    }

    private func days(_ minutes: Range<Int64>) -> [BudgetStatus.Day] {
        let whole = ledger.count(minutes)
        let allowed = budgetRatio * Double(whole.total)
        var days: [BudgetStatus.Day] = []
        var start = minutes.lowerBound / 1440 * 1440
        while start < minutes.upperBound {
            let part = max(start, minutes.lowerBound)..<min(start + 1440, minutes.upperBound)
            let count = ledger.count(part)
            days.append(
                BudgetStatus.Day(
                    start: BudgetCalculator.moment(start),
                    good: count.good,
                    total: count.total,
                    spentRatio: count.knownMinutes == 0 || whole.total == 0
                        ? nil : Double(count.bad) / allowed
                )
            )
            start += 1440
        }
        return days
    }
}
