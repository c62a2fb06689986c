package import Model
package import Timekeeping

/// What is scraped and how it goes, for `/api/v1/targets`.
package struct ScrapeSnapshot: Sendable {
    package struct Active: Sendable {
        package var pool: String
        package var discovered: LabelSet
        package var labels: LabelSet
        package var url: String
        package var interval: Duration
        package var timeout: Duration
        /// Nil before the first scrape.
        package var lastScrape: Timestamp?
        package var lastDuration: Duration
        /// Why the last scrape has failed; empty when it has not.
        package var lastError: String
    }

    package struct Dropped: Sendable {
        package var pool: String
        package var discovered: LabelSet
    }

    /// By pool, then by labels.
    package var active: [Active] = []
    package var dropped: [Dropped] = []
    /// Dropped targets of each pool, those among them that are not listed.
    package var droppedCounts: [String: Int] = [:]

    package init() {}
}
