import CloudWatchIngest
import FirehoseIngest
import Ingest
import Model
import RuleEvaluation
import Timekeeping

/// Tells the rules when the sources of what they read cannot be seen, so that absence is not taken for health.
struct SourceSight: Sendable {
    /// A pull that has not succeeded for this long cannot be seen.
    static let silenceMax: Duration = .seconds(600)

    let sources: SourceRegistry
    /// What CloudWatch's regions have read.
    let pulls: PullSight
    let logMetrics: LogMetrics
    let clock: any WallClock
    /// True when CloudWatch is pulled at all.
    let pullsCloudWatch: Bool
    /// True when CloudWatch's metric streams may come.
    var takesFirehose = false

    /// Why nothing can be said of these selectors: what one of them counts is pulled and cannot be read.
    func blindness(_ needs: [SelectorNeed], at moment: Timestamp) -> String? {
        for need in needs {
            guard let name = need.metricName else { continue }
            if let reason = logMetrics.blindness(name, at: moment) { return reason }
        }
        return nil
    }

    /// What missing series of these selectors mean at a moment.
    func absence(_ needs: [SelectorNeed], at moment: Timestamp) -> Absence {
        // What should have been read is judged by now: rules look back to a moment that has settled.
        let now = clock.now()
        var isAwaited = false
        var isAsked = false
        for need in needs {
            switch pulls.verdict(on: need, at: now) {
            case .notAsked: continue
            case .seen: isAsked = true
            case .awaited: isAwaited = true
            case .unseen(let isFailure, let reason):
                return .unseen(isFailure ? .error : .late, reason)
            }
        }
        if isAwaited { return .awaited }
        if isAsked { return .judged }
        guard pullsCloudWatch || takesFirehose, !needs.isEmpty,
            needs.allSatisfy({ $0.metricName?.hasPrefix("aws_") ?? false })
        else { return .judged }
        let accounts = sources.statuses.filter {
            pullsCloudWatch && $0.name.hasPrefix("cloudwatch")
                || takesFirehose && $0.name == FirehoseHandler.source
        }
        let seen = accounts.contains { status in
            status.lastSuccess.map { moment - $0 < SourceSight.silenceMax } ?? false
        }
        guard !seen else { return .judged }
        if let broken = accounts.first(where: { !$0.advice.isEmpty }) {
            return .unseen(.error, "\(broken.name): \(broken.advice)")
        }
        // A pull reports its own troubles; a stream that does not come cannot.
        guard takesFirehose else { return .judged }
        return .unseen(
            .error,
            "\(FirehoseHandler.source): nothing has come for "
                + "\(SourceSight.silenceMax.prometheusText); look whether the metric stream runs and "
                + "what Firehose's destination errors say"
        )
    }
}
