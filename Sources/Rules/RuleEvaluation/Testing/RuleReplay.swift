package import Model
package import PromQL
package import Rules
import Telemetry
package import Timekeeping

/// Runs rules over a ledger in virtual time, with the state machines that run in production.
///
/// Every group is evaluated at every time given, whatever its interval; nothing waits for samples to settle or for
/// sources to report. For tests of rules and for trying them on history; one thread at a time.
package struct RuleReplay {
    package let ledger: SampleLedger
    package let queries: QueryEngine
    private var core: EngineCore
    private let settings: RuleEngineSettings
    private let metrics = RuleEngineMetrics(MetricsRegistry())

    /// Compiles the rules.
    ///
    /// - Parameters:
    ///   - rules: What to run.
    ///   - ledger: What they read and write.
    ///   - settings: Limits and what templates see.
    ///   - start: Before the first evaluation.
    /// - Throws: Every problem of the rules.
    package init(
        _ rules: RuleSet,
        over ledger: SampleLedger,
        settings: RuleEngineSettings = RuleEngineSettings(),
        start: Timestamp = Timestamp(milliseconds: 0)
    ) throws(DiagnosticList) {
        var settings = settings
        settings.settle = { _ in .zero }
        settings.sight = { _, _ in .judged }
        self.settings = settings
        self.ledger = ledger
        queries = QueryEngine(source: ledger)
        core = EngineCore(restored: StoredAlertStates())
        let compiled = try RuleCompiler.compile(rules, settings: settings, evaluator: queries)
        _ = core.adopt(compiled, settings: settings, at: start)
    }

    /// Evaluates every group at `slot`, in file order.
    ///
    /// - Returns: What changed, in order.
    package mutating func evaluate(at slot: Timestamp) -> [AlertTransition] {
        let cycle = queries.cycle()
        var buffer = AppendBuffer(ledger, cycle, samplesMax: settings.appendSamplesMax)
        var transitions: [AlertTransition] = []
        let context = { [settings, queries, metrics] (slot: Timestamp, group: GroupRuntime) in
            EvaluationContext(
                settings: settings,
                evaluator: queries,
                cycle: cycle,
                log: .silent,
                metrics: metrics,
                groupLabel: group.group.label,
                limit: group.group.limit,
                slot: slot,
                sinceStart: nil
            )
        }
        let turn = GroupSchedule.Turn(slot: slot, missed: 0)
        let due = core.groups.indices.map { (index: $0, occasion: EngineCore.Occasion.slot(turn)) }
        core.read(due, cycle)
        for (index, occasion) in due {
            let yield = core.evaluate(index, occasion, context, &buffer, metrics)
            transitions += yield?.transitions ?? []
        }
        buffer.flush()
        return transitions
    }

    /// All groups as of the last evaluation, in file order.
    package var snapshot: [GroupSnapshot] { core.groups.map(\.snapshot) }
}
