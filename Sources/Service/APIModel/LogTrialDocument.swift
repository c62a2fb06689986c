/// `sloctl rules try -o json`: what would be counted and found.
package struct LogTrialDocument: Codable, Hashable, Sendable {
    package struct Series: Codable, Hashable, Sendable {
        package var labels: [String: String]
        package var value: Double

        package init(labels: [String: String], value: Double) {
            self.labels = labels
            self.value = value
        }
    }

    package struct Metric: Codable, Hashable, Sendable {
        package var name: String
        package var counted = 0
        /// By `from`.
        package var notSelected = 0
        /// By `where`.
        package var conditionFails = 0
        /// By `parse`, or as `value` is no number.
        package var unreadable = 0
        /// Texts of the first unreadable ones.
        package var examples: [String] = []
        package var series: [Series] = []

        package init(name: String) { self.name = name }
    }

    package struct Match: Codable, Hashable, Sendable {
        package var at: String
        package var key: String
        package var facts: [String: String]
        package var text: String

        package init(at: String, key: String, facts: [String: String], text: String) {
            self.at = at
            self.key = key
            self.facts = facts
            self.text = text
        }
    }

    package struct Rule: Codable, Hashable, Sendable {
        package var name: String
        package var type: String
        /// That its filter let through.
        package var records = 0
        package var matches: [Match] = []

        package init(name: String, type: String) {
            self.name = name
            self.type = type
        }
    }

    package var lines = 0
    /// After joining and filtering.
    package var records = 0
    package var metrics: [Metric]
    package var rules: [Rule]

    package init(metrics: [Metric], rules: [Rule]) {
        self.metrics = metrics
        self.rules = rules
    }
}
