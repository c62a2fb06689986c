package import Timekeeping

/// How a source is doing, in one word.
package enum SourceHealth: String, Hashable, Sendable, Codable {
    /// Not turned on.
    case off
    /// On, and nothing has come yet.
    case waiting
    case ok
    /// It works, and some of what it brings is refused.
    case refusing
    /// It does not work, or a part of it does not.
    case failing
}

/// What one source of samples or records is doing, for the status page, `sloctl sources` and `/metrics`.
package struct SourceStatus: Hashable, Sendable, Codable {
    /// `cloudwatch/eu-west-1`, `forward`, `remote_write`.
    package var name: String
    package var isOn: Bool
    /// Why it is off and how to turn it on, or the last error and its remedy; empty when all is well.
    package var advice: String
    /// What a person should know although nothing is wrong, such as polls that are slowed for the budget.
    package var notice = ""
    package var lastSuccess: Timestamp?
    /// The newest event time seen: everything before it may be judged.
    package var watermark: Timestamp?
    package var accepted: Int
    /// Refusals by cause.
    package var refused: [String: Int]
    package var health: SourceHealth
    /// Samples or records let in, over the last minute; nil before any.
    package var perSecond: Double?
    /// Batches turned away for now.
    package var overloads: Int
    /// The last failure or refusal, also when it is over.
    package var lastError: String
    package var lastErrorAt: Timestamp?

    package init(
        name: String,
        isOn: Bool,
        advice: String = "",
        lastSuccess: Timestamp? = nil,
        watermark: Timestamp? = nil,
        accepted: Int = 0,
        refused: [String: Int] = [:],
        health: SourceHealth = .waiting,
        perSecond: Double? = nil,
        overloads: Int = 0,
        lastError: String = "",
        lastErrorAt: Timestamp? = nil
    ) {
        self.name = name
        self.isOn = isOn
        self.advice = advice
        self.lastSuccess = lastSuccess
        self.watermark = watermark
        self.accepted = accepted
        self.refused = refused
        self.health = health
        self.perSecond = perSecond
        self.overloads = overloads
        self.lastError = lastError
        self.lastErrorAt = lastErrorAt
    }
}
