import Model
import Timekeeping

/// The series that say which alerts there are.
enum AlertSeries {
    static let state = "ALERTS"
    static let since = "ALERTS_FOR_STATE"

    /// `ALERTS{alertstate=...} 1` and `ALERTS_FOR_STATE`, whose value is the start in whole seconds since 1970.
    ///
    /// A threshold's level is in `level`, unless the alert has a label of that name already.
    static func samples(
        _ labels: LabelSet,
        _ state: AlertSnapshot.State,
        _ level: AlertLevel?,
        _ activeAt: Timestamp
    ) -> [(LabelSet, Double)] {
        var alert = labels
        alert[LabelSet.metricName] = self.state
        alert["alertstate"] = state.rawValue
        if let level, alert["level"].isEmpty { alert["level"] = level.rawValue }
        var start = labels
        start[LabelSet.metricName] = since
        let seconds = (Double(activeAt.milliseconds) / 1000).rounded(.down)
        return [(alert, 1), (start, seconds)]
    }
}
