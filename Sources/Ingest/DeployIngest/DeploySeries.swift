package import Model
package import Timekeeping

/// How releases stand as series, for rules.
///
/// | series | |
/// | --- | --- |
/// | `deploys_total{service, environment, outcome}` | releases that ended |
/// | `deploy_consecutive_failures{service, environment}` | failed ones since the last that succeeded |
/// | `deploy_last_finished_timestamp_seconds{service, environment}` | when the last one ended |
/// | `deploy_running_seconds{service, environment}` | how long one has been running, 0 while none is |
package enum DeploySeries {
    /// One sample of each series at `now`.
    package static func batch(_ standings: [DeployStanding], at now: Timestamp) -> SampleBatch {
        // A report that arrives in the same millisecond as the tick brings newer figures for the same time.
        var batch = SampleBatch(latePolicy: .upsert(window: .seconds(1)))
        for standing in standings {
            let labels = [
                Label("service", standing.service), Label("environment", standing.environment),
            ]
            func add(_ name: String, _ value: Double, _ more: [Label] = []) {
                batch.append(
                    LabelSet([Label("__name__", name)] + labels + more),
                    samples: CollectionOfOne(Sample(now, value))
                )
            }
            add("deploys_total", Double(standing.succeeded), [Label("outcome", "succeeded")])
            add("deploys_total", Double(standing.failed), [Label("outcome", "failed")])
            add("deploy_consecutive_failures", Double(standing.consecutiveFailures))
            if let last = standing.lastFinishedAt {
                add("deploy_last_finished_timestamp_seconds", last.seconds)
            }
            let running = standing.runningSince.map { max(0, (now - $0).inSeconds) } ?? 0
            add("deploy_running_seconds", running)
        }
        return batch
    }
}
