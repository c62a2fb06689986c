package import Timekeeping

/// A rule has matched.
package struct LogMatch: Hashable, Sendable {
    /// The event's time, or that of the look at the windows.
    package var at: Timestamp
    /// Values of the rule's keys; `all` for a rule that has none.
    package var key: String
    /// What was found, by ElastAlert's names: `spike_count`, `reference_count`, `percentage` and the like.
    package var facts: [String: String]
    /// The same in words.
    package var text: String

    package init(at: Timestamp, key: String, facts: [String: String] = [:], text: String) {
        self.at = at
        self.key = key
        self.facts = facts
        self.text = text
    }
}
