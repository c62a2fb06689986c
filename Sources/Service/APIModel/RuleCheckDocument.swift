/// What `sloctl rules check --format json` prints.
package struct RuleCheckDocument: Codable, Hashable, Sendable {
    /// Something in a file, with its place.
    package struct Entry: Codable, Hashable, Sendable {
        package var file: String
        package var line: Int
        package var column: Int
        /// What was found, and how to mend it.
        package var message: String
        /// The lint's name; null for a note, and for a problem, which keeps the file from loading.
        @Null package var lint: String?

        package init(file: String, line: Int, column: Int, message: String, lint: String?) {
            self.file = file
            self.line = line
            self.column = column
            self.message = message
            self.lint = lint
        }
    }

    package var schema: String
    /// `ok`, `warnings`, or `invalid` when a file does not load.
    package var status: String
    package var groups: Int
    package var rules: Int
    package var thresholds: Int
    package var objectives: Int
    package var logMetrics: Int
    package var logRules: Int
    package var problems: [Entry]
    package var warnings: [Entry]
    /// What is as meant, and good to know.
    package var notes: [Entry]

    package init(
        groups: Int,
        rules: Int,
        thresholds: Int,
        objectives: Int,
        logMetrics: Int,
        logRules: Int = 0,
        problems: [Entry],
        warnings: [Entry],
        notes: [Entry] = []
    ) {
        schema = "tocsin.rule-check/1"
        status = !problems.isEmpty ? "invalid" : warnings.isEmpty ? "ok" : "warnings"
        self.groups = groups
        self.rules = rules
        self.thresholds = thresholds
        self.objectives = objectives
        self.logMetrics = logMetrics
        self.logRules = logRules
        self.problems = problems
        self.warnings = warnings
        self.notes = notes
    }
}
