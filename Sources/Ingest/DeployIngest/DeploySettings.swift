/// Limits and secrets of the reports of deploys.
package struct DeploySettings: Hashable, Sendable {
    /// What GitHub signs its webhooks with; nil: they are refused.
    package var githubSecret: [UInt8]?
    /// The bearer token that other reports need; nil: they need none, as other pushes to this port.
    package var token: String?
    /// Bytes of a report; GitHub's are 10 to 30 kB.
    package var bodyMax = 1 << 20
    /// A report whose times are further ahead of this machine's clock is refused: what ended tomorrow would
    /// hide every failure until then.
    package var aheadMax = Duration.seconds(600)
    /// Releases kept.
    package var kept = 10_000
    /// Pairs of service and environment.
    package var standingsMax = 1000

    package init() {}
}
