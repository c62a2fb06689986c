import Ingest
import LogRules
import Model
import PromQL
import RuleEvaluation
import Rules
import Telemetry
import Timekeeping

/// Loads rules as the service would, with nothing behind them, to find what only loading finds.
enum Rehearsal {
    /// Everything that would keep the rules from being loaded.
    static func problems(_ rules: RuleSet) -> [Diagnostic] {
        var problems: [Diagnostic] = []
        do {
            let nothing = Nothing()
            let engine = try RuleEngine(
                evaluator: QueryEngine(source: nothing),
                appender: nothing,
                store: nothing,
                sink: nothing,
                log: .silent,
                metrics: MetricsRegistry()
            )
            try engine.load(rules)
            _ = try rules.selectorNeeds
            _ = try rules.reaches(interval: .seconds(15))
        } catch {
            problems += diagnostics(error)
        }
        do {
            try LogMetrics(clock: SystemClock(), metrics: MetricsRegistry(), log: .silent)
                .load(rules.logMetrics)
            try LogPreparation(clock: SystemClock(), metrics: MetricsRegistry())
                .load(rules.logStreams)
        } catch {
            problems += error.problems.map { Diagnostic($0.location, $0.message) }
        }
        do {
            _ = try LogRuleTrial(rules.logRules) { _ in nil }
        } catch {
            problems += diagnostics(error)
        }
        return problems
    }

    private static func diagnostics(_ error: any Error) -> [Diagnostic] {
        if let list = error as? DiagnosticList { return list.diagnostics }
        return [Diagnostic(SourceLocation(file: "rules", line: 1, column: 1), "\(error)")]
    }

    /// Holds no series and keeps no state.
    private struct Nothing: SeriesReading, SampleAppending, AlertStateStoring, AlertTransitionSink {
        func select(
            _ selection: SeriesSelection,
            sampleLimit: Int
        ) throws(SeriesReadingError) -> [SeriesSamples] { [] }

        func labelSets(
            _ selection: SeriesSelection
        ) throws(SeriesReadingError) -> [LabelSet] { [] }

        func append(_ batch: SampleBatch) -> AppendResult { AppendResult() }

        func loadAlertStates() throws -> StoredAlertStates {
            StoredAlertStates(alerts: [], queue: [], lastSequence: 0)
        }

        func saveAlertStates(_ changes: AlertStateChanges) throws {}

        func take(_ transitions: [AlertTransition]) async throws {}
    }
}
