import Model
import PromQL
import Telemetry
import Timekeeping

/// What all rules of one group's evaluation share.
struct EvaluationContext {
    let settings: RuleEngineSettings
    let evaluator: any ExpressionEvaluating
    let cycle: any EvaluationCycle
    let log: Log
    let metrics: RuleEngineMetrics
    let groupLabel: String
    /// The group's limit; 0: none.
    let limit: Int
    /// The evaluation time that the answer is for.
    let slot: Timestamp
    /// How long ago the service started; nil in a replay, which has no start.
    let sinceStart: Duration?

    /// True while the sources have not had time to report what is judged, which lies `offset` back.
    ///
    /// The offset counts too: of a moment before the start there may be samples that were pulled since, and none of
    /// what the rules themselves record.
    func isInGrace(offset: Duration) -> Bool {
        guard let sinceStart, settings.graceAfterStart > .zero else { return false }
        return sinceStart < settings.graceAfterStart + offset
    }

    /// Answers the templates' `query` function.
    func query(at time: Timestamp) -> @Sendable (String) throws(TemplateError) -> [TemplateSample] {
        let evaluator = evaluator
        return { text throws(TemplateError) in
            do throws(QueryError) {
                let series = try evaluator.prepare(text).evaluate(at: time).series
                return series.map {
                    TemplateSample(labels: $0.labels.dictionary, value: $0.value)
                }
            } catch {
                throw TemplateError(error.description)
            }
        }
    }
}
