package import Timekeeping

/// A log line that tells why an alert fires, cut to a length that fits a page.
package struct LogExcerpt: Hashable, Sendable, Codable {
    /// The event's time.
    package var at: Timestamp
    /// Where it is from: `production/web`.
    package var stream: String
    package var text: String

    package init(at: Timestamp, stream: String, text: String) {
        self.at = at
        self.stream = stream
        self.text = text
    }
}
