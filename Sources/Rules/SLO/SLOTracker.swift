package import Model
package import Rules
import Synchronization
package import Telemetry
package import Timekeeping

/// Keeps the ledgers of every loaded objective up to date and tells when they burn.
///
/// `tick` reads the samples that the rings hold, counts them into the ledgers, writes what changed and
/// returns the burn alerts' transitions. It blocks on the store: call it from a thread of its own.
package final class SLOTracker: Sendable {
    /// One objective; its lock is held while counting, never while reading or writing.
    private final class Tracked: Sendable {
        struct State {
            var ledger: SLOLedger
            var burnAlert: BurnAlertRecord
            /// True until the kept transition has been given again after a start.
            var owesLastTransition: Bool
            /// Why the last tick could not read or write; nil when all is well.
            var failure: String?
        }

        let key: String
        let state: Mutex<State>

        init(key: String, ledger: SLOLedger, burnAlert: BurnAlertRecord) {
            self.key = key
            state = Mutex(
                State(
                    ledger: ledger,
                    burnAlert: burnAlert,
                    owesLastTransition: burnAlert.lastTransition != nil
                )
            )
        }

        var definition: SLODefinition { state.withLock { $0.ledger.definition } }
    }

    private struct State {
        var tracked: [Tracked] = []
        var lastFullRead: Timestamp?
    }

    /// How far back each tick reads: longer than any source revises its samples.
    static let shortReach: Duration = .seconds(20 * 60)
    /// How often everything the rings hold is read again, for data that came very late.
    static let fullReadInterval: Duration = .seconds(300)

    private let source: any SeriesReading
    private let store: any BudgetStoring
    private let retention: Duration
    private let log: Log
    private let state = Mutex(State())
    private let samplesPerReadMax: Int
    private let failures: Counter

    /// Creates a tracker without objectives.
    ///
    /// - Parameters:
    ///   - source: The metric rings.
    ///   - store: Where ledgers are kept.
    ///   - retention: How long the rings keep samples.
    ///   - samplesPerReadMax: Samples one selector may read in a tick.
    ///   - log: Failures are told here once.
    ///   - metrics: Budget families join its exposition.
    package init(
        source: any SeriesReading,
        store: any BudgetStoring,
        retention: Duration,
        samplesPerReadMax: Int = 20_000_000,
        log: Log,
        metrics: MetricsRegistry
    ) {
        self.source = source
        self.store = store
        self.retention = retention
        self.samplesPerReadMax = samplesPerReadMax
        self.log = log
        failures = metrics.counter(
            "tocsin_slo_read_failures",
            help: "Ticks in which an objective's samples could not be read or its counts not kept."
        )
    }

    /// Takes the objectives of a rule set; ledgers of unchanged indicators go on.
    ///
    /// - Throws: What the budget store throws when a ledger cannot be read.
    package func load(_ definitions: [SLODefinition], at moment: Timestamp) throws {
        var fresh: [Tracked] = []
        let known = state.withLock { $0.tracked }
        for definition in definitions {
            let key = SLOTracker.key(definition)
            if let kept = known.first(where: {
                $0.key == key && $0.definition.window == definition.window
            }) {
                kept.state.withLock { $0.ledger.definition = definition }
                fresh.append(kept)
                continue
            }
            var ledger = SLOLedger(definition: definition)
            let first = EventSide.minute(moment) - Int64(definition.windowMinutesMax)
            let record = try store.loadLedger(
                key: key,
                slotsFrom: first,
                contributionsFrom: moment - retention
            )
            ledger.restore(record)
            fresh.append(
                Tracked(key: key, ledger: ledger, burnAlert: record.burnAlert ?? BurnAlertRecord())
            )
        }
        state.withLock {
            $0.tracked = fresh
            $0.lastFullRead = nil
        }
    }

    /// What a ledger is kept under: the name and what is counted; a new indicator begins a new ledger.
    static func key(_ definition: SLODefinition) -> String {
        func count(_ count: SLODefinition.Count) -> String {
            "\(count.kind.rawValue):" + count.selectors.map(\.text).joined(separator: "+")
        }
        let indicator =
            switch definition.indicator {
            case .badOverTotal(let bad, let total): "bad \(count(bad)) total \(count(total))"
            case .goodOverTotal(let good, let total): "good \(count(good)) total \(count(total))"
            case .percentageOfTotal(let percentage, let total):
                "percentage \(percentage.text) total \(count(total))"
            }
        return "\(definition.name) \(LabelSet([Label("indicator", indicator)]).fingerprintText)"
    }

    /// Reads, counts, keeps, and judges; returns what the burn alerts did.
    package func tick(at moment: Timestamp) -> [AlertTransition] {
        let (tracked, isFull) = state.withLock { state in
            let full = state.lastFullRead.map { moment - $0 >= SLOTracker.fullReadInterval } ?? true
            if full { state.lastFullRead = moment }
            return (state.tracked, full)
        }
        let reach = isFull ? retention : min(retention, SLOTracker.shortReach)
        let range = TimeRange(after: moment - reach, through: moment)
        return tracked.flatMap { one -> [AlertTransition] in
            do {
                let transitions = try update(one, range, at: moment)
                if isFull { try prune(one, at: moment) }
                one.state.withLock { $0.failure = nil }
                return transitions
            } catch {
                report(error, one)
                return []
            }
        }
    }

    private func update(
        _ one: Tracked,
        _ range: TimeRange,
        at moment: Timestamp
    ) throws -> [AlertTransition] {
        var (first, total) = try read(one, range)
        let all = TimeRange(after: moment - retention, through: moment)
        if range.start > all.start,
            one.state.withLock({ $0.ledger.mayHaveMissed(first, total, before: range.start) })
        {
            // A source has filled in more than a tick reads; older samples count first.
            (first, total) = try read(one, all)
        }
        let (transitions, changes) = one.state.withLock { state in
            state.ledger.observeFirst(first)
            state.ledger.observeTotal(total)
            let calculator = BudgetCalculator(ledger: state.ledger, at: moment)
            let transitions = SLOTracker.judge(&state, calculator, at: moment)
            var changes = state.ledger.takeChanges()
            changes.burnAlert = state.burnAlert
            return (transitions, changes)
        }
        // A quiet objective costs no write.
        guard !changes.isEmpty || !transitions.isEmpty else { return [] }
        do {
            try store.saveLedger(key: one.key, changes: changes)
        } catch {
            // Neither the counts nor the word of the burn alert may be lost with this write.
            one.state.withLock { state in
                state.ledger.owe(changes)
                state.owesLastTransition = state.owesLastTransition || !transitions.isEmpty
            }
            throw error
        }
        return transitions
    }

    private func prune(_ one: Tracked, at moment: Timestamp) throws {
        let first = one.state.withLock { state in
            state.ledger.forget(before: moment - retention)
            return EventSide.minute(moment) - Int64(state.ledger.definition.windowMinutesMax) - 60
        }
        try store.pruneLedger(
            key: one.key,
            slotsBefore: first,
            contributionsBefore: moment - retention
        )
    }

    private func report(_ error: any Error, _ one: Tracked) {
        failures.add()
        let message = "\(error)"
        let (name, isNew) = one.state.withLock { state in
            defer { state.failure = message }
            return (state.ledger.definition.name, state.failure != message)
        }
        guard isNew else { return }
        log.error(
            "objective cannot be updated; its budget stays as it was",
            ["slo": name, "reason": message]
        )
    }

    private func read(
        _ one: Tracked,
        _ range: TimeRange
    ) throws -> (first: [SeriesSamples], total: [SeriesSamples]) {
        let (first, total) = one.definition.indicator.sides
        return (
            try first.flatMap { try read($0, range) }, try total.flatMap { try read($0, range) }
        )
    }

    private func read(_ selector: RuleExpression, _ range: TimeRange) throws -> [SeriesSamples] {
        let matchers = try SelectorText.matchers(selector.text)
        return try source.select(
            SeriesSelection(matchers: matchers, range: range),
            sampleLimit: samplesPerReadMax
        )
    }

    private static func judge(
        _ state: inout Tracked.State,
        _ calculator: BudgetCalculator,
        at moment: Timestamp
    ) -> [AlertTransition] {
        var given: [AlertTransition] = []
        if state.owesLastTransition, let last = state.burnAlert.lastTransition {
            given.append(last)
        }
        state.owesLastTransition = false
        let make = BurnTransition(
            definition: state.ledger.definition,
            calculator: calculator,
            at: moment,
            sequence: (state.burnAlert.lastTransition?.sequence ?? 0) + 1
        )
        guard let transition = make.advance(&state.burnAlert) else { return given }
        state.burnAlert.lastTransition = transition
        return given + [transition]
    }

    /// How every objective stands.
    package func statuses(at moment: Timestamp) -> [BudgetStatus] {
        state.withLock { $0.tracked }.map { SLOTracker.status($0, at: moment) }
    }

    /// How one objective stands; nil when there is none of that name.
    package func status(of name: String, at moment: Timestamp) -> BudgetStatus? {
        state.withLock { $0.tracked }.first { $0.definition.name == name }
            .map { SLOTracker.status($0, at: moment) }
    }

    private static func status(_ one: Tracked, at moment: Timestamp) -> BudgetStatus {
        let ledger = one.state.withLock { $0.ledger }
        return BudgetCalculator(ledger: ledger, at: moment).status(at: moment)
    }

    /// The loaded objectives.
    package var definitions: [SLODefinition] {
        state.withLock { $0.tracked }.map(\.definition)
    }
}

extension SLODefinition.Indicator {
    /// Selectors of the first side (bad, good or the percentage) and of the total.
    package var sides: (first: [RuleExpression], total: [RuleExpression]) {
        switch self {
        case .badOverTotal(let bad, let total): (bad.selectors, total.selectors)
        case .goodOverTotal(let good, let total): (good.selectors, total.selectors)
        case .percentageOfTotal(let percentage, let total): ([percentage], total.selectors)
        }
    }
}
