import PromQLSyntax
import Synchronization
import Timekeeping

/// Plans of query texts, so that a query that is asked again is neither parsed nor are its labels grouped anew.
///
/// A plan holds the tables that its nodes were last evaluated over: those that are not asked for any more go after a
/// while.
final class PlanCache: Sendable {
    fileprivate struct Entry {
        var planned: PlannedExpression
        var usedAt: UInt64
    }

    fileprivate struct State {
        var entries: [String: Entry] = [:]
        var sweptAt: UInt64 = 0
    }

    /// How many texts are kept, and for how long after they were last asked for.
    static let keptNanoseconds: UInt64 = 300_000_000_000

    private let countMax: Int
    private let state = Mutex(State())

    init(countMax: Int) { self.countMax = countMax }

    /// The plan of a text, made by `make` when it is not kept.
    func planned(
        _ text: String,
        at now: UInt64,
        make: () throws(PromQLSyntaxError) -> PlannedExpression
    ) throws(PromQLSyntaxError) -> PlannedExpression {
        let known = state.withLock { state -> PlannedExpression? in
            state.sweep(at: now)
            state.entries[text]?.usedAt = now
            return state.entries[text]?.planned
        }
        if let known { return known }
        let made = try make()
        guard countMax > 0 else { return made }
        state.withLock { [countMax] state in
            if state.entries.count >= countMax,
                let oldest = state.entries.min(by: { $0.value.usedAt < $1.value.usedAt })
            {
                state.entries[oldest.key] = nil
            }
            state.entries[text] = Entry(planned: made, usedAt: now)
        }
        return made
    }

    var count: Int { state.withLock { $0.entries.count } }
}

extension PlanCache.State {
    /// Forgets, now and then, what was not asked for in a while.
    fileprivate mutating func sweep(at now: UInt64) {
        guard now &- sweptAt > PlanCache.keptNanoseconds / 10 else { return }
        sweptAt = now
        entries = entries.filter { now &- $0.value.usedAt <= PlanCache.keptNanoseconds }
    }
}
