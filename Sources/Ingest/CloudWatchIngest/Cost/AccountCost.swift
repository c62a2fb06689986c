import Model
import Synchronization
package import Telemetry
package import Timekeeping

/// What all regions of an account ask and may spend together.
package final class AccountCost: Sendable {
    /// What one region is to poll.
    package struct Share: Sendable {
        package var plan: PollPlan
        /// What a person should know although nothing is wrong; empty when nothing is slowed.
        package var notice: String
        /// Changes with every share of the account.
        package var revision: Int
    }

    private struct State {
        var wanted = RegionPlans()
        var budgeted: BudgetPlan?
        var notice = ""
        var advice = ""
        /// Why GetMetricStatistics is not used; nil while it may be.
        var refusal: String?
        var revision = 0
    }

    /// The part of the free requests that is used: others in the account need some too.
    package static let freeRequestsShare = 0.9

    package let account: String
    package let ledger: SpendLedger
    /// US dollars a month; nil is no limit.
    package let budget: Double?
    private let prices: CloudWatchPrices
    private let usesStatistics: Bool
    private let isBilled: Bool
    private let log: Log
    private let state = Mutex(State())

    /// - Parameters:
    ///   - account: Its name in reports and in the store.
    ///   - settings: Budget and prices.
    ///   - isBilled: False for an endpoint that is not AWS's own; reports then say so.
    ///   - store: Keeps what was spent; nil forgets it with the process.
    ///   - clock: Says which month it is.
    ///   - log: Told when polls are slowed, sped up or left out.
    package init(
        account: String,
        settings: CloudWatchSettings,
        isBilled: Bool,
        store: (any SpendStoring)?,
        clock: any WallClock,
        log: Log
    ) {
        self.account = account
        budget = settings.budgetDollarsPerMonth
        prices = settings.prices
        usesStatistics = settings.usesMetricStatistics
        self.isBilled = isBilled
        self.log = log
        ledger = SpendLedger(
            account: account,
            prices: settings.prices,
            store: store,
            clock: clock,
            log: log
        )
    }

    /// Takes what a region wants to ask and gives what it may.
    package func settle(_ region: String, _ wanted: PollPlan, at now: Timestamp) -> Share {
        change(at: now) { $0.wanted.byRegion[region] = wanted }
        return share(of: region) ?? Share(plan: wanted, notice: "", revision: 0)
    }

    /// GetMetricStatistics is not allowed: everything is asked by GetMetricData until the next start.
    package func refuseStatistics(_ reason: String, at now: Timestamp) {
        guard state.withLock({ $0.refusal == nil }) else { return }
        change(at: now) { $0.refusal = reason }
    }

    /// What a region is to poll now; nil before its first plan.
    package func share(of region: String) -> Share? {
        state.withLock { (state) -> Share? in
            guard let wanted = state.wanted.byRegion[region]?.queries,
                var plan = state.budgeted?.plans.byRegion[region]
            else { return nil }
            let missing = wanted.count - plan.queries.count
            plan.leftOut += missing
            let isOver = budget.map { (state.budgeted?.dollars ?? 0) > $0 } ?? false
            if missing > 0 || isOver { plan.advice.append(state.advice) }
            let usual = Dictionary(
                uniqueKeysWithValues: wanted.map { ($0.key, $0.timing.pollEvery) }
            )
            let isSlowed = plan.queries.contains { usual[$0.key] != $0.timing.pollEvery }
            let notices = [isSlowed ? state.notice : "", refusalNotice(state)]
            return Share(
                plan: plan,
                notice: notices.filter { !$0.isEmpty }.joined(separator: "; "),
                revision: state.revision
            )
        }
    }

    /// Works the shares of all regions out anew after a change, and tells what is new.
    private func change(at now: Timestamp, _ body: (inout State) -> Void) {
        let spend = ledger.spend(at: now)
        let rest = AccountCost.restOfMonth(at: now)
        let news = state.withLock { (state) -> [String] in
            let hadRefusal = state.refusal != nil
            body(&state)
            let freeLeft =
                Double(prices.freeRequests) * Self.freeRequestsShare - Double(spend.billedRequests)
            let budgeted = BudgetPlan(
                state.wanted,
                budget: budget,
                affordable: budget.map { ($0 - spend.dollars) * rest } ?? .infinity,
                freeRequests: usesStatistics && state.refusal == nil
                    ? max(0, freeLeft * rest - state.wanted.listRequests) : nil,
                lastStep: state.budgeted?.step ?? 0,
                prices: prices
            )
            let before = state.budgeted.map(Self.paces) ?? []
            state.budgeted = budgeted
            state.notice = slowedNotice(budgeted)
            state.advice = leftOutAdvice(budgeted)
            state.revision += 1
            var news: [String] = []
            // Counts change with every new resource; what is told is another pace.
            if Self.paces(budgeted) != before {
                let text = [state.advice, state.notice].filter { !$0.isEmpty }
                news.append(
                    text.isEmpty
                        ? "CloudWatch polls are at their usual pace" : text.joined(separator: "; ")
                )
            }
            if !hadRefusal, state.refusal != nil { news.append(refusalNotice(state)) }
            return news
        }
        for text in news { log.warn("\(text)", ["account": account]) }
    }

    /// What is slowed and what is left out, whatever the numbers.
    private static func paces(_ plan: BudgetPlan) -> [String] {
        plan.slowed.map { "\($0.priority) \($0.from) \($0.to)" }
            + plan.leftOut.map { "\($0.priority) left out" }
    }

    /// How many times the rest of this month fits into 30 days.
    private static func restOfMonth(at now: Timestamp) -> Double {
        let left = SpendMonth(containing: now).end - now
        return PlanPrice.monthSeconds / max(3600, left.inSeconds)
    }

    // MARK: Words

    private func refusalNotice(_ state: State) -> String {
        guard let refusal = state.refusal else { return "" }
        return
            "GetMetricStatistics is refused (\(refusal)), so that everything is asked by GetMetricData; "
            + "allow cloudwatch:GetMetricStatistics and restart, or set metric_statistics: false"
    }

    private func slowedNotice(_ plan: BudgetPlan) -> String {
        guard !plan.slowed.isEmpty, let budget else { return "" }
        let parts = plan.slowed.map { slowed in
            "\(slowed.count) \(slowed.count == 1 ? "metric" : "metrics") of \(slowed.priority) rules, read every "
                + "\(slowed.to.prometheusText) instead of \(slowed.from.prometheusText)"
        }
        return "CloudWatch polls are slowed for the budget: \(parts.joined(separator: ", ")); "
            + "at the usual pace they would cost \(DollarText.text(plan.usualDollars)) a month, "
            + "budget_usd_per_month is \(DollarText.text(budget)); their alerts come later by as much "
            + "(sloctl cost says which; raise the budget or narrow selectors)"
    }

    private func leftOutAdvice(_ plan: BudgetPlan) -> String {
        guard let budget, plan.dollars > budget || !plan.leftOut.isEmpty else { return "" }
        guard !plan.leftOut.isEmpty else {
            return
                "the metrics of P1 rules alone cost \(DollarText.text(plan.dollars)) a month at the "
                + "slowest pace, over budget_usd_per_month (\(DollarText.text(budget))); they are read "
                + "all the same: raise the budget or narrow selectors"
        }
        let parts = plan.leftOut.map { left in
            "\(left.count) of \(left.priority) (\(left.rules.prefix(5).joined(separator: ", "))"
                + (left.rules.count > 5 ? " and \(left.rules.count - 5) more" : "") + ")"
        }
        return "NOT watched for the budget of \(DollarText.text(budget)) a month: metrics "
            + "\(parts.joined(separator: ", ")); even at the slowest pace they do not fit: raise "
            + "budget_usd_per_month or narrow these rules"
    }

    // MARK: Report

    /// How the account stands.
    package func report(at now: Timestamp) -> CostReport.Account {
        let (wanted, budgeted) = state.withLock { ($0.wanted, $0.budgeted) }
        let texts = state.withLock { [$0.advice, $0.notice, refusalNotice($0)] }
        return CostReport.Account(
            account: account,
            wanted: wanted,
            budgeted: budgeted,
            budget: budget,
            explanation: texts.filter { !$0.isEmpty }.joined(separator: "; "),
            isBilled: isBilled,
            spend: ledger.spend(at: now),
            prices: prices,
            at: now
        )
    }
}
