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
        let spend = ledger.spend(at: now)
        let rest = AccountCost.restOfMonth(at: now)
        let (news, share) = state.withLock { (state) -> ([String], Share) in
            state.wanted.byRegion[region] = wanted
            let freeLeft =
                Double(prices.freeRequests) * Self.freeRequestsShare - Double(spend.billedRequests)
            let budgeted = BudgetPlan(
                state.wanted,
                budget: budget,
                affordable: budget.map { ($0 - spend.dollars) * rest } ?? .infinity,
                freeRequests: usesStatistics
                    ? max(0, freeLeft * rest - state.wanted.listRequests) : nil,
                lastStep: state.budgeted?.step ?? 0,
                prices: prices
            )
            let notice = slowedNotice(budgeted, spend, at: now)
            let advice = leftOutAdvice(budgeted)
            var news: [String] = []
            if notice != state.notice {
                news.append(notice.isEmpty ? "CloudWatch polls are at their usual pace" : notice)
            }
            if advice != state.advice, !advice.isEmpty { news.append(advice) }
            state.budgeted = budgeted
            state.notice = notice
            state.advice = advice
            state.revision += 1
            return (news, self.share(of: region, state))
        }
        for text in news { log.warn("\(text)", ["account": account]) }
        return share
    }

    /// What a region is to poll now; nil before its first plan.
    package func share(of region: String) -> Share? {
        state.withLock { state in
            state.wanted.byRegion[region] == nil ? nil : share(of: region, state)
        }
    }

    private func share(of region: String, _ state: State) -> Share {
        var plan = state.budgeted?.plans.byRegion[region] ?? PollPlan()
        let wanted = state.wanted.byRegion[region]?.queries ?? []
        let missing = wanted.count - plan.queries.count
        plan.leftOut += missing
        if missing > 0 { plan.advice.append(state.advice) }
        let usual = Dictionary(uniqueKeysWithValues: wanted.map { ($0.key, $0.timing.pollEvery) })
        let isSlowed = plan.queries.contains { usual[$0.key] != $0.timing.pollEvery }
        return Share(plan: plan, notice: isSlowed ? state.notice : "", revision: state.revision)
    }

    /// How many times the rest of this month fits into 30 days.
    private static func restOfMonth(at now: Timestamp) -> Double {
        let left = SpendMonth(containing: now).end - now
        return PlanPrice.monthSeconds / max(3600, left.inSeconds)
    }

    // MARK: Words

    private func slowedNotice(
        _ plan: BudgetPlan,
        _ spend: MonthSpend,
        at now: Timestamp
    ) -> String {
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
        let (notice, advice) = state.withLock { ($0.notice, $0.advice) }
        return CostReport.Account(
            account: account,
            wanted: wanted,
            budgeted: budgeted,
            budget: budget,
            explanation: [advice, notice].filter { !$0.isEmpty }.joined(separator: "; "),
            isBilled: isBilled,
            spend: ledger.spend(at: now),
            prices: prices,
            at: now
        )
    }
}
