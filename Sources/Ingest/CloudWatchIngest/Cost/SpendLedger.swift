import Model
import Synchronization
package import Telemetry
package import Timekeeping

/// Prices every call of an account as it is made, and keeps this month's sums over a restart.
package final class SpendLedger: Sendable {
    private struct State {
        var month: SpendMonth
        var spend = MonthSpend()
        /// What is not in the store yet, by month: a few rows, or none.
        var pending: [SpendMonth: MonthSpend] = [:]
        var isLoaded = false
        var storeTrouble: String?
    }

    package let account: String
    package let prices: CloudWatchPrices
    private let store: (any SpendStoring)?
    private let clock: any WallClock
    private let log: Log
    private let state: Mutex<State>

    /// - Parameters:
    ///   - account: The name that its rows are kept under.
    ///   - prices: What calls cost.
    ///   - store: Keeps the sums; nil forgets them with the process.
    ///   - clock: Says which month it is.
    ///   - log: Told once when the sums cannot be read or kept.
    package init(
        account: String,
        prices: CloudWatchPrices,
        store: (any SpendStoring)?,
        clock: any WallClock,
        log: Log
    ) {
        self.account = account
        self.prices = prices
        self.store = store
        self.clock = clock
        self.log = log
        state = Mutex(State(month: SpendMonth(containing: clock.now())))
    }

    /// Reads this month's sums; blocks, and does so once.
    ///
    /// Sums that cannot be read are logged: what follows is then counted from zero.
    package func load() {
        guard let store, !state.withLock({ $0.isLoaded }) else { return }
        let month = state.withLock { $0.month }
        do {
            let rows = try store.loadSpend(account: account, month: month.description)
            state.withLock { state in
                guard !state.isLoaded, state.month == month else { return }
                for row in rows { state.spend.add(row) }
                state.isLoaded = true
            }
        } catch {
            state.withLock { $0.isLoaded = true }
            log.error(
                "what CloudWatch cost this month so far cannot be read; it is counted from zero",
                ["account": account, "reason": "\(error)"]
            )
        }
    }

    /// Takes one answered request.
    ///
    /// - Parameters:
    ///   - operation: What was called.
    ///   - queries: What it asked for, for their share of the price; empty for what is asked for all.
    ///   - isFurtherPage: True when metrics were billed with the first page.
    package func record(
        _ operation: CloudWatchOperation,
        for queries: [PlannedQuery] = [],
        isFurtherPage: Bool = false
    ) {
        let month = SpendMonth(containing: clock.now())
        state.withLock { state in
            if state.month != month {
                state.month = month
                state.spend = MonthSpend()
            }
            let units: Int
            let dollars: Double
            switch operation.billing {
            case .metrics:
                units = isFurtherPage ? 0 : queries.count
                dollars = Double(units) * prices.dollarsPerMetric
            case .requests:
                units = 1
                let isFree = state.spend.billedRequests < prices.freeRequests
                dollars = isFree ? 0 : prices.dollarsPerRequest
            case .free:
                units = 1
                dollars = 0
            }
            var rows = [
                MonthSpend.Row(
                    subject: .operation,
                    name: operation.rawValue,
                    requests: 1,
                    units: units,
                    dollars: dollars
                )
            ]
            if dollars > 0 {
                rows += Self.shares(of: dollars / Double(max(1, queries.count)), queries)
            }
            for row in rows {
                state.spend.add(row)
                state.pending[month, default: MonthSpend()].add(row)
            }
        }
    }

    /// Each query's price by metric and, in equal parts, by the rules that need it.
    private static func shares(
        of dollars: Double,
        _ queries: [PlannedQuery]
    ) -> [MonthSpend.Row] {
        queries.flatMap { query in
            let parts = Double(max(1, query.readers.count))
            return [
                MonthSpend.Row(subject: .metric, name: query.key.metricText, dollars: dollars)
            ]
                + query.readers.map {
                    MonthSpend.Row(subject: .rule, name: $0.name, dollars: dollars / parts)
                }
        }
    }

    /// What was spent in the month of `moment`; nothing when that is not the ledger's month.
    package func spend(at moment: Timestamp) -> MonthSpend {
        state.withLock { state in
            state.month == SpendMonth(containing: moment) ? state.spend : MonthSpend()
        }
    }

    /// Brings what is new to the store.
    ///
    /// Blocks. What cannot be kept stays for the next time.
    package func flush() {
        guard let store else { return }
        let pending = state.withLock { state in
            defer { state.pending = [:] }
            return state.pending
        }
        for (month, spend) in pending where !spend.isEmpty {
            do {
                try store.addSpend(
                    spend.rows,
                    account: account,
                    month: month.description,
                    forgettingBefore: month.yearBefore.description
                )
                state.withLock { $0.storeTrouble = nil }
            } catch {
                let isNew = state.withLock { state in
                    for row in spend.rows { state.pending[month, default: MonthSpend()].add(row) }
                    defer { state.storeTrouble = "\(error)" }
                    return state.storeTrouble != "\(error)"
                }
                guard isNew else { continue }
                log.error(
                    "what CloudWatch cost cannot be kept; a restart would forget it",
                    ["account": account, "reason": "\(error)"]
                )
            }
        }
    }
}
