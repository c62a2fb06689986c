import Model
import RuleEvaluation
import Timekeeping

/// A history, one evaluation a word.
///
/// A word is a number, `N` (NaN), `_` (no series), `x` (query failed), `~` (sources awaited, no series), `?`
/// (sources unseen, no series). `5x3` is `5 5 5`.
struct Timeline {
    var outcomes: [RuleOutcome]

    init(_ text: String, labels: LabelSet = Timeline.labels, reference: Double? = nil) {
        outcomes = text.split(separator: " ").flatMap { word -> [RuleOutcome] in
            let parts = word.split(separator: "x", omittingEmptySubsequences: true)
            let times = parts.count == 2 ? Int(parts[1]) ?? 1 : 1
            let token = parts.count == 2 ? String(parts[0]) : String(word)
            return Array(
                repeating: Timeline.outcome(token, labels, reference),
                count: times
            )
        }
    }

    static let labels: LabelSet = ["alertname": "A", "job": "api"]
    static let step = Duration.seconds(60)

    static func slot(_ index: Int) -> Timestamp {
        Timestamp(milliseconds: 1_700_000_040_000) + .seconds(60 * index)
    }

    private static func outcome(
        _ token: String,
        _ labels: LabelSet,
        _ reference: Double?
    ) -> RuleOutcome {
        switch token {
        case "_": .results([])
        case "x": .failed("boom")
        case "~": .results([], absence: .awaited)
        case "?": .results([], absence: .unseen(.error, "no credentials"))
        case "N": .results([RuleObservation(labels: labels, value: .nan, reference: reference)])
        default:
            .results([
                RuleObservation(
                    labels: labels,
                    value: Double(token) ?? .nan,
                    reference: reference
                )
            ])
        }
    }
}

extension AlertTransition.Change {
    /// Short text for tables: `fired crit`, `warn>crit`, `resolved`, `blind`, `sighted`.
    var brief: String {
        switch self {
        case .fired(let level): "fired \(level)"
        case .levelChanged(let from, let to): "\(from)>\(to)"
        case .resolved: "resolved"
        case .blind: "blind"
        case .sighted: "sighted"
        }
    }
}
