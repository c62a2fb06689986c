package import Model
package import Timekeeping

/// What the rule engine may be told; each limit counts what it refuses.
package struct RuleEngineSettings: Sendable {
    /// For groups that name none.
    package var interval: Duration = .seconds(15)
    /// For groups that name none and rules whose selectors need no settling.
    package var queryOffset: Duration = .zero
    /// How long a metric's samples may still come or change, by its name.
    ///
    /// A rule all of whose selectors need settling is judged that much earlier than its slot.
    package var settle: @Sendable (String) -> Duration = RuleEngineSettings.settleCloudWatch(
        .seconds(120)
    )
    /// After a start: how long missing series are not held against what was restored, nor `absent` believed.
    package var graceAfterStart: Duration = .seconds(120)
    /// How the sources of these selectors do; asked at each evaluation.
    package var sight: @Sendable ([SelectorNeed], Timestamp) -> Absence = { _, _ in .judged }
    /// Why nothing can be said of these selectors' series, even of those that are there; nil when they are seen.
    ///
    /// What they count is not read, so alerts are held, and firing ones are blind.
    package var blindness: @Sendable ([SelectorNeed], Timestamp) -> String? = { _, _ in nil }
    /// Pending and firing alerts of a rule whose group sets no limit.
    package var alertsPerRuleMax = 10000
    /// How long a resolved alert is remembered.
    package var resolvedRetention: Duration = .seconds(15 * 60)
    /// How long a pending threshold alert without data is remembered.
    package var unseenRetention: Duration = .seconds(15 * 60)
    /// How often the state of an alert whose timer runs is saved at most.
    package var timerSaveInterval: Duration = .seconds(30)
    /// Transitions that wait for the receiver before those of one alert are merged.
    package var transitionQueueMax = 10000
    /// Transitions handed on at once.
    package var transitionBatchMax = 256
    /// The first and the longest wait after the receiver has refused a batch.
    package var handOnRetry: Duration = .seconds(1)
    package var handOnRetryMax: Duration = .seconds(30)
    /// Touches of eager groups within this time are one evaluation.
    package var eagerWindow: Duration = .milliseconds(10)
    /// Samples gathered before they are appended.
    package var appendSamplesMax = 5000
    package var template = TemplateLimits()
    /// For templates; not added to alerts.
    package var externalLabels: [String: String] = [:]
    package var externalURL = ""

    package init() {}

    /// Settling for CloudWatch's metrics (`aws_...`), none for the others.
    package static func settleCloudWatch(_ delay: Duration) -> @Sendable (String) -> Duration {
        { $0.hasPrefix("aws_") ? delay : .zero }
    }
}
