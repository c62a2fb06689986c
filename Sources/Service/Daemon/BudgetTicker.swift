import Buffers
import Incidents
import Model
import SLO
import Telemetry
import Timekeeping

/// Counts events into the error budgets again and again, and hands on what the burn alerts do.
struct BudgetTicker: Sendable {
    let tracker: SLOTracker
    let dispatcher: Dispatcher
    let interval: Duration
    let clock: any WallClock
    let sleeper: any Sleeper
    let log: Log

    /// Transitions that wait at most before only the newest of each alert are kept.
    static let owedMax = 1000

    /// The last two transitions of each alert, in order: what fired and ended meanwhile is still told.
    static func newest(_ owed: [AlertTransition]) -> [AlertTransition] {
        var kept: [String: Int] = [:]
        return owed.reversed().filter { one in
            kept[one.fingerprint, default: 0] += 1
            return kept[one.fingerprint, default: 0] <= 2
        }.reversed()
    }

    /// Ticks until the task is cancelled; transitions that cannot be handed on are kept and tried again.
    func run() async {
        var owed: [AlertTransition] = []
        while !Task.isCancelled {
            owed += await offPool { tracker.tick(at: clock.now()) }
            if !owed.isEmpty {
                do {
                    try await dispatcher.handle(owed)
                    owed = []
                } catch {
                    log.error(
                        "burn alerts could not be handed on; they are tried again",
                        ["reason": "\(error)"]
                    )
                    if owed.count > BudgetTicker.owedMax { owed = BudgetTicker.newest(owed) }
                }
            }
            do {
                try await sleeper.sleep(for: interval)
            } catch {
                return
            }
        }
    }
}
