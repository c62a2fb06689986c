import Incidents
import Model
import RuleEvaluation

/// Hands the rules' transitions to the incidents: returns when they are on disk there.
struct TransitionSink: AlertTransitionSink {
    let dispatcher: Dispatcher

    func take(_ transitions: [AlertTransition]) async throws {
        try await dispatcher.handle(transitions)
    }
}
