package import Model
package import Timekeeping
package import YAML

/// A file of rule tests as promtool takes them.
package struct RuleTestFile: Sendable {
    /// Series and what is expected of the rules over them.
    package struct Group: Sendable {
        package var name: String
        /// Between the values of the input series.
        package var interval: Duration
        package var input: [InputSeries]
        package var alertTests: [AlertTest]
        package var expressionTests: [ExpressionTest]
        package var externalLabels: [String: String]
        package var externalURL: String
        /// When the test begins: samples and evaluations count from here.
        package var startedAt: Timestamp
        package var response: ResponseExpectations
        package var location: SourceLocation
    }

    package struct InputSeries: Sendable {
        package var labels: LabelSet
        /// Values with their place: how many intervals after the start.
        package var values: [(place: Int64, value: Double)]
    }

    /// Which alerts fire at a time.
    package struct AlertTest: Sendable {
        package var time: Duration
        package var alertName: String
        package var expected: [ExpectedAlert]
        package var location: SourceLocation
    }

    package struct ExpectedAlert: Hashable, Sendable {
        /// `alertname` included.
        package var labels: LabelSet
        package var annotations: [String: String]
        /// The level of a threshold's alert, which promtool does not know; nil: any.
        package var level: AlertLevel?
    }

    /// What an expression gives at a time.
    package struct ExpressionTest: Sendable {
        package var expression: String
        package var time: Duration
        package var expected: [ExpectedSample]
        package var location: SourceLocation
    }

    package struct ExpectedSample: Sendable {
        package var labels: LabelSet
        package var value: Double
    }

    package var path: String
    /// As written: paths and patterns, relative to the file.
    package var ruleFiles: [String]
    package var evaluationInterval: Duration
    /// Files first in this order, then the others as they come.
    package var groupOrder: [String]
    /// Values may differ in their last bit.
    package var isFuzzy: Bool
    package var groups: [Group]

    /// The interval when the file names none.
    package static let intervalDefault: Duration = .seconds(60)

    /// How many values the input series of one file may spell out together.
    package static let valuesMax = 10_000_000

    /// Reads a test file's text.
    ///
    /// - Parameters:
    ///   - bytes: YAML.
    ///   - path: The name that locations bear.
    ///   - ignoresUnknownKeys: Passes over keys that nobody knows.
    ///   - yaml: What reading the document may cost.
    ///   - valuesMax: How many values the input series may spell out together.
    /// - Returns: What the file says.
    /// - Throws: Every problem with its place.
    package static func read(
        _ bytes: [UInt8],
        path: String,
        ignoresUnknownKeys: Bool = false,
        yaml: YAMLLimits = YAMLLimits(),
        valuesMax: Int = RuleTestFile.valuesMax
    ) throws(DiagnosticList) -> RuleTestFile {
        let root: YAMLNode
        do {
            root = try YAMLParser.parse(bytes, file: path, limits: yaml)
        } catch {
            throw DiagnosticList(error.diagnostics)
        }
        let problems = DiagnosticCollector(ignoresUnknownKeys: ignoresUnknownKeys)
        let map = MappingReader(root, "a rule test file", problems)
        let interval = map.positiveDuration("evaluation_interval") ?? intervalDefault
        var file = RuleTestFile(
            path: path,
            ruleFiles: map.strings("rule_files"),
            evaluationInterval: interval,
            groupOrder: map.strings("group_eval_order"),
            isFuzzy: map.bool("fuzzy_compare") ?? false,
            groups: []
        )
        var reader = RuleTestReader(valuesMax: valuesMax)
        file.groups = map.mappings("tests", "a test group").enumerated().map { index, map in
            reader.group(map, number: index + 1, interval)
        }
        map.finish()
        try problems.finish()
        return file
    }
}
