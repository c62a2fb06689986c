import Model
import Synchronization

/// The tables of the selectors that were asked for lately, over all shards.
final class SelectorTables: Sendable {
    private struct Entry {
        var id: UInt64
        var table: SelectorTable?
    }

    private struct State {
        var entries: UsageCache<[LabelMatcher], Entry>
        var lastID: UInt64 = 0
        var accounted = 0
        var nextSweep = Int64.min
    }

    /// What an entry takes without its table, about.
    private static let entryBytes = 512
    /// What a row takes beside its labels, which the shards account for.
    private static let rowBytes = 12
    private let budget: MemoryBudget
    private let state: Mutex<State>

    init(selectorsMax: Int, budget: MemoryBudget) {
        self.budget = budget
        // Rows are counted with their labels, as in the shards, so that both keep the same selectors.
        state = Mutex(
            State(
                entries: UsageCache(
                    countMax: selectorsMax,
                    costMax: budget.maxBytes / SelectorCache.memoryShare
                )
            )
        )
    }

    /// What a selector is remembered by.
    func reference(to matchers: [LabelMatcher], now: Int64) -> SelectorReference {
        use(matchers, now: now).reference
    }

    /// What a selector is remembered by, and its table when there is one.
    func use(
        _ matchers: [LabelMatcher],
        now: Int64
    ) -> (reference: SelectorReference, table: SelectorTable?) {
        let entry = state.withLock { state in
            sweep(&state, now)
            if let known = state.entries.use(matchers, at: now) { return known }
            let entry = Entry(id: state.lastID + 1, table: nil)
            guard keep(entry, matchers, &state, now) else { return Entry(id: 0, table: nil) }
            state.lastID += 1
            return entry
        }
        return (SelectorReference(id: entry.id, matchers: matchers), entry.table)
    }

    /// Keeps a newer table of a selector.
    ///
    /// - Returns: The one that others use when it has the same versions, otherwise the table itself.
    func keep(
        _ table: SelectorTable,
        for selector: SelectorReference,
        now: Int64
    ) -> SelectorTable {
        guard selector.id != 0 else { return table }
        return state.withLock { state in
            guard let entry = state.entries.peek(selector.matchers), entry.id == selector.id else {
                return table
            }
            if let known = entry.table {
                if known.versions == table.versions { return known }
                // Somebody has seen later plans.
                guard zip(known.versions, table.versions).allSatisfy({ $0 <= $1 }) else {
                    return table
                }
            }
            if !keep(Entry(id: entry.id, table: table), selector.matchers, &state, now) {
                _ = keep(Entry(id: entry.id, table: nil), selector.matchers, &state, now)
            }
            return table
        }
    }

    private func keep(
        _ entry: Entry,
        _ matchers: [LabelMatcher],
        _ state: inout State,
        _ now: Int64
    ) -> Bool {
        let rows = entry.table?.table.count ?? 0
        let isKept = state.entries.keep(
            entry,
            for: matchers,
            cost: SelectorTables.entryBytes
                + rows * (SelectorTables.rowBytes + SelectorCache.labelSetBytes),
            at: now
        )
        return isKept
    }

    private func sweep(_ state: inout State, _ now: Int64) {
        guard now >= state.nextSweep else { return }
        state.nextSweep = now + 60_000
        state.entries.dropIdle(since: now - SelectorCache.idleSeconds * 1000)
        // All rows' worth in the cache's cost; their labels are the shards' to account for.
        let bytes =
            state.entries.cost * SelectorTables.rowBytes
            / (SelectorTables.rowBytes + SelectorCache.labelSetBytes)
        budget.add(bytes: bytes - state.accounted)
        state.accounted = bytes
    }
}
