import Model
import Synchronization

/// The tables of the selectors that were asked for lately, over all shards.
final class SelectorTables: Sendable {
    private struct State {
        /// What a selector is remembered by.
        var numbers: [[LabelMatcher]: UInt64] = [:]
        /// The same by where the matchers lie, which is quicker; those that lie there are held on to.
        var places: [UInt: (matchers: [LabelMatcher], number: UInt64)] = [:]
        /// By number; nil until a table was made.
        var tables: UsageCache<UInt64, SelectorTable?>
        var lastNumber: UInt64 = 0
        var accounted = 0
        var nextSweep = Int64.min
    }

    /// What an entry takes without its table, about.
    private static let entryBytes = 512
    /// What a row takes beside its labels, which the shards account for.
    private static let rowBytes = 12
    private let selectorsMax: Int
    private let budget: MemoryBudget
    private let state: Mutex<State>

    init(selectorsMax: Int, budget: MemoryBudget) {
        self.selectorsMax = selectorsMax
        self.budget = budget
        // Rows are counted with their labels, as in the shards, so that both keep the same selectors.
        state = Mutex(
            State(
                tables: UsageCache(
                    countMax: selectorsMax,
                    costMax: budget.maxBytes / SelectorCache.memoryShare
                )
            )
        )
    }

    /// What a selector is remembered by.
    func reference(to matchers: [LabelMatcher], now: Int64) -> SelectorReference {
        let (id, _) = state.withLock { SelectorTables.use(matchers, &$0, selectorsMax, now) }
        sweep(now)
        return SelectorReference(id: id, matchers: matchers)
    }

    /// What the selectors of requests are remembered by, and their tables where there are any.
    func use(
        _ requests: [ColumnRequest],
        now: Int64
    ) -> [(reference: SelectorReference, table: SelectorTable?)] {
        let found = state.withLock { state in
            requests.map { request in
                let (id, table) = SelectorTables.use(request.matchers, &state, selectorsMax, now)
                return (
                    reference: SelectorReference(id: id, matchers: request.matchers), table: table
                )
            }
        }
        sweep(now)
        return found
    }

    private static func use(
        _ matchers: [LabelMatcher],
        _ state: inout State,
        _ selectorsMax: Int,
        _ now: Int64
    ) -> (id: UInt64, table: SelectorTable?) {
        let place = unsafe matchers.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) }
        if !matchers.isEmpty, let known = state.places[place],
            let table = state.tables.use(known.number, at: now)
        {
            return (known.number, table)
        }
        if state.numbers.count >= 2 * selectorsMax { forget(&state) }
        if state.places.count >= 2 * selectorsMax { state.places = [:] }
        var number = state.numbers[matchers]
        var table: SelectorTable?
        if let number, let known = state.tables.use(number, at: now) {
            table = known
        } else {
            let isKept = state.tables.keep(
                nil,
                for: state.lastNumber + 1,
                cost: entryBytes,
                at: now
            )
            guard isKept else { return (0, nil) }
            state.lastNumber += 1
            number = state.lastNumber
        }
        state.numbers[matchers] = number
        if !matchers.isEmpty { state.places[place] = (matchers, number ?? 0) }
        return (number ?? 0, table)
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
            guard let kept = state.tables.peek(selector.id) else { return table }
            if let kept {
                if kept.versions == table.versions { return kept }
                // Somebody has seen later plans.
                guard zip(kept.versions, table.versions).allSatisfy({ $0 <= $1 }) else {
                    return table
                }
            }
            let isKept = state.tables.keep(
                table,
                for: selector.id,
                cost: SelectorTables.cost(rows: table.table.count),
                at: now
            )
            if !isKept {
                state.tables.keep(nil, for: selector.id, cost: SelectorTables.entryBytes, at: now)
            }
            return table
        }
    }

    private static func cost(rows: Int) -> Int {
        entryBytes + rows * (rowBytes + SelectorCache.labelSetBytes)
    }

    /// Drops what nobody has asked for lately; does so once a minute.
    private func sweep(_ now: Int64) {
        state.withLock { state in
            guard now >= state.nextSweep else { return }
            state.nextSweep = now + 60_000
            state.tables.dropIdle(since: now - SelectorCache.idleSeconds * 1000)
            SelectorTables.forget(&state)
            // All rows' worth in the cache's cost; their labels are the shards' to account for.
            let bytes =
                state.tables.cost * SelectorTables.rowBytes
                / (SelectorTables.rowBytes + SelectorCache.labelSetBytes)
            budget.add(bytes: bytes - state.accounted)
            state.accounted = bytes
        }
    }

    /// Forgets the numbers of selectors that are not kept any more.
    private static func forget(_ state: inout State) {
        let tables = state.tables
        state.numbers = state.numbers.filter { tables.peek($0.value) != nil }
        state.places = state.places.filter { tables.peek($0.value.number) != nil }
    }
}
