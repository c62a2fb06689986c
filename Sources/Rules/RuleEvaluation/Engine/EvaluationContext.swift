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
    /// True until the sources had time to report after the start.
    let isInGrace: Bool

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
