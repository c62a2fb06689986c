package import Timekeeping

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

    package init(
        name: String,
        isOn: Bool,
        advice: String = "",
        lastSuccess: Timestamp? = nil,
        watermark: Timestamp? = nil,
        accepted: Int = 0,
        refused: [String: Int] = [:]
    ) {
        self.name = name
        self.isOn = isOn
        self.advice = advice
        self.lastSuccess = lastSuccess
        self.watermark = watermark
        self.accepted = accepted
        self.refused = refused
    }
}
