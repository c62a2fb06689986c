import Buffers
import Model
import Rules
import Timekeeping

/// Words the burn alert's changes as alert transitions: one alert an objective, whose level rises and falls.
struct BurnTransition {
    let definition: SLODefinition
    let calculator: BudgetCalculator
    let at: Timestamp
    let sequence: Int64

    /// Takes the calculator's view of the alert and words what changed; nil when nothing did.
    func advance(_ alert: inout BurnAlertRecord) -> AlertTransition? {
        let before = alert.state
        guard let now = calculator.burnAlert() else {
            guard before != .quiet, !alert.isBlind else { return nil }
            alert.isBlind = true
            return transition(
                .blind("no new events for 15 minutes; the alert is held"),
                state: before
            )
        }
        let wasBlind = alert.isBlind
        alert.state = now
        alert.isBlind = false
        return now == before && wasBlind
            ? transition(.sighted, state: now) : transition(from: before, to: now)
    }

    /// The change between two states; nil when they are the same to a person.
    func transition(from before: BurnAlertState, to after: BurnAlertState) -> AlertTransition? {
        guard before != after else { return nil }
        switch (BurnTransition.level(before), BurnTransition.level(after)) {
        case (nil, nil): return nil
        case (nil, let level?): return transition(.fired(level), state: after)
        case (_?, nil): return transition(.resolved, state: before)
        case (let old?, let new?):
            return transition(.levelChanged(from: old, to: new), state: after)
        }
    }

    func transition(_ change: AlertTransition.Change, state: BurnAlertState) -> AlertTransition {
        var labels = LabelSet(definition.labels.map { Label($0.key, $0.value) })
        labels["alertname"] = "SLOBurnRate"
        labels["slo"] = definition.name
        let rate = calculator.burnRate(.seconds(3600))
        return AlertTransition(
            fingerprint: labels.fingerprintText,
            rule: "slo/\(definition.name)",
            alertName: "SLOBurnRate",
            labels: labels,
            annotations: ["description": definition.description ?? ""].filter { !$0.value.isEmpty },
            change: change,
            priority: BurnTransition.priority(state),
            value: rate,
            unit: "x",
            summary: summary(state),
            action: "Stop the burn: roll back or scale, then investigate",
            runbook: definition.runbook,
            at: at,
            sequence: sequence
        )
    }

    private func summary(_ state: BurnAlertState) -> String {
        let rates = [("5m", 300), ("1h", 3600), ("6h", 21600)].compactMap { name, seconds in
            calculator.burnRate(.seconds(seconds)).map {
                "\(name) \(PrintfNumber.fixed($0, decimals: 1))x"
            }
        }
        let objective = PrintfNumber.general(definition.objective * 100)
        return "error budget of \(definition.name) (\(objective)%) burns: "
            + (rates.isEmpty ? "rate unknown" : rates.joined(separator: ", "))
    }

    static func level(_ state: BurnAlertState) -> AlertLevel? {
        switch state {
        case .quiet: nil
        case .slowTicket, .fastTicket: .warn
        case .page, .outage: .crit
        }
    }

    static func priority(_ state: BurnAlertState) -> Priority {
        switch state {
        case .outage: .p1
        case .page: .p2
        case .fastTicket: .p3
        case .quiet, .slowTicket: .p4
        }
    }
}
