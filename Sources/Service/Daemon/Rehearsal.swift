import Ingest
import Model
import PromQL
import RuleEvaluation
import Rules
import Telemetry
import Timekeeping

/// Loads rules as the service would, with nothing behind them, to find what only loading finds.
enum Rehearsal {
    /// - Throws: `DiagnosticList` or `LogMetricProblems` with everything that is wrong.
    static func check(_ files: LoadedFiles) throws {
        let nothing = Nothing()
        let engine = try RuleEngine(
            evaluator: QueryEngine(source: nothing),
            appender: nothing,
            store: nothing,
            sink: nothing,
            log: .silent,
            metrics: MetricsRegistry()
        )
        try engine.load(files.rules)
        try LogMetrics(clock: SystemClock(), metrics: MetricsRegistry(), log: .silent)
            .load(files.rules.logMetrics)
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
