import Incidents
import Ingest
import LogRules
import Model
import RuleEvaluation

/// Hands the rules' transitions to the incidents: returns when they are on disk there.
struct TransitionSink: AlertTransitionSink, LogRuleSink {
    let dispatcher: Dispatcher

    func take(_ transitions: [AlertTransition]) async throws {
        try await dispatcher.handle(transitions)
    }
}

extension LogRuleEngine: RecordJudging {}
