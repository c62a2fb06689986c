/// What `sloctl rules test --format json` prints.
package struct RuleTestDocument: Codable, Hashable, Sendable {
    /// One expectation, or a file that could not be run.
    package struct Case: Codable, Hashable, Sendable {
        /// The test group's name, then what is tested and when; the file's name for a file that could not be run.
        package var name: String
        /// The test file.
        package var file: String
        package var line: Int
        package var column: Int
        /// The test group's name, or `test 2` when it has none; empty for a file that could not be run.
        package var group: String
        /// `alert`, `expression`, `incident`, `page`, `rules` (that they evaluate) or `file`.
        package var kind: String
        /// `passed`, `failed`, or `error` for a file that could not be run.
        package var status: String
        /// Why it failed, over several lines; empty when it passed.
        package var message: String
        /// What a failed case expected, one line each.
        package var expected: [String]
        /// What a failed case got, one line each.
        package var got: [String]

        package init(
            name: String,
            file: String,
            line: Int,
            column: Int,
            group: String,
            kind: String,
            status: String,
            message: String,
            expected: [String] = [],
            got: [String] = []
        ) {
            self.name = name
            self.file = file
            self.line = line
            self.column = column
            self.group = group
            self.kind = kind
            self.status = status
            self.message = message
            self.expected = expected
            self.got = got
        }
    }

    package var schema: String
    /// `passed`, `failed`, or `error` when a file could not be run.
    package var status: String
    package var passed: Int
    package var failed: Int
    /// Problems of files that could not be run.
    package var errors: Int
    package var cases: [Case]

    package init(_ cases: [Case]) {
        schema = "tocsin.rule-tests/1"
        passed = cases.count { $0.status == "passed" }
        failed = cases.count { $0.status == "failed" }
        errors = cases.count - passed - failed
        status = errors > 0 ? "error" : failed > 0 ? "failed" : "passed"
        self.cases = cases
    }
}
