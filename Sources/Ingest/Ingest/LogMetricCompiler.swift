import Matching
import Model

/// Turns definitions into pipelines and says what is wrong with them.
enum LogMetricCompiler {
    /// The distinct ways in which texts are parsed.
    struct Parsings {
        let jsonDepthMax: Int
        private(set) var all: [LogMetricPipeline.Parsing] = []
        private var known: [Key: Int] = [:]

        private struct Key: Hashable {
            var parser: LogMetricDefinition.Parser
            var field: String?
        }

        init(jsonDepthMax: Int) {
            self.jsonDepthMax = jsonDepthMax
        }

        mutating func index(
            _ parser: LogMetricDefinition.Parser,
            field: String?
        ) throws(PatternError) -> Int {
            let key = Key(parser: parser, field: field)
            if let index = known[key] { return index }
            var parsing = LogMetricPipeline.Parsing(
                parser: parser,
                field: field.map { FieldPath($0) },
                jsonDepthMax: jsonDepthMax
            )
            if case .regex(let text) = parser {
                let pattern = try Pattern(text)
                parsing.pattern = pattern
                parsing.groupNames = (0..<pattern.groupCount).map { pattern.groupName($0 + 1) }
            }
            known[key] = all.count
            all.append(parsing)
            return all.count - 1
        }
    }

    /// A definition that compiled.
    struct Output {
        var shape: LogMetricTable.Shape
        var seriesMax: Int
        fileprivate var from: [(path: FieldPath, value: String)]
        fileprivate var parsing: Int
        fileprivate var conditions: [LogMetricCondition]
        fileprivate var labels: [LogLabel]
        fileprivate var value: FieldPath?
        fileprivate var unit: LogValueUnit?
        fileprivate var usesEventTime: Bool

        func pipeline(table: Int, labelValueBytesMax: Int) -> LogMetricPipeline {
            LogMetricPipeline(
                table: table,
                from: from,
                parsing: parsing,
                conditions: conditions,
                labels: labels,
                value: value,
                unit: unit,
                isCounter: shape.kind == .counter,
                usesEventTime: usesEventTime,
                labelValueBytesMax: labelValueBytesMax
            )
        }
    }

    static func compile(
        _ definition: LogMetricDefinition,
        _ parsings: inout Parsings
    ) throws(LogMetricProblems) -> Output {
        var problems: [LogMetricProblem] = []
        func problem(_ message: String) {
            problems.append(
                LogMetricProblem(
                    definition.location,
                    "log metric \"\(definition.name)\": \(message)"
                )
            )
        }
        if !isName(definition.name, colons: true) {
            problem("invalid name; use letters, digits, _ and :, not beginning with a digit")
        }
        checkLabels(definition, problem)
        if definition.seriesMax < 1 { problem("max_series must be at least 1") }
        var parsing = 0
        do {
            parsing = try parsings.index(definition.parser, field: definition.parseField)
        } catch {
            problem("\(error)")
        }
        if case .regex = definition.parser, problems.isEmpty,
            !parsings.all[parsing].groupNames.contains(where: { $0 != nil })
        {
            problem("its regex has no named group; name what it takes out, as in (?P<status>\\d+)")
        }
        var conditions: [LogMetricCondition] = []
        for condition in definition.conditions {
            do {
                conditions.append(try LogMetricCondition(condition))
            } catch {
                problem("where \(condition.field): \(error)")
            }
        }
        let (kind, value) = split(definition.kind, problem)
        if value == nil, definition.unit != nil {
            problem("a unit is of the numbers under value; name their field, or remove unit")
        }
        let sources = definition.labels.sorted { $0.label < $1.label }
        var labels: [LogLabel] = []
        for source in sources {
            do {
                labels.append(try LogLabel(source))
            } catch {
                problem("label \"\(source.label)\": \(error)")
            }
        }
        guard problems.isEmpty else { throw LogMetricProblems(problems) }
        return Output(
            shape: LogMetricTable.Shape(
                name: definition.name,
                labelNames: sources.map(\.label),
                kind: kind
            ),
            seriesMax: definition.seriesMax,
            from: definition.from.sorted { $0.key < $1.key }.map { (FieldPath($0.key), $0.value) },
            parsing: parsing,
            conditions: conditions,
            labels: labels,
            value: value.map { FieldPath($0) },
            unit: definition.unit,
            usesEventTime: definition.usesEventTime
        )
    }

    private static func checkLabels(_ definition: LogMetricDefinition, _ problem: (String) -> Void)
    {
        var seen: Set<String> = []
        for source in definition.labels {
            if !isName(source.label, colons: false) || source.label.hasPrefix("__") {
                problem("invalid label name \"\(source.label)\"; use letters, digits and _")
            }
            if case .histogram = definition.kind, source.label == "le" {
                problem("a histogram has the label \"le\" already; rename it")
            }
            if !seen.insert(source.label).inserted {
                problem("label \"\(source.label)\" is given twice; remove one")
            }
        }
    }

    private static func split(
        _ kind: LogMetricDefinition.Kind,
        _ problem: (String) -> Void
    ) -> (LogMetricTable.Kind, value: String?) {
        switch kind {
        case .counter(let value): return (.counter, value)
        case .gauge(let value): return (.gauge, value)
        case .histogram(let value, let bounds):
            let finite = bounds.filter { $0 != .infinity }
            if finite.isEmpty || finite.contains(where: { !$0.isFinite })
                || zip(finite, finite.dropFirst()).contains(where: { $0 >= $1 })
            {
                problem("buckets must be numbers in ascending order, at least one")
            }
            return (.histogram(finite), value)
        }
    }

    private static func isName(_ text: String, colons: Bool) -> Bool {
        guard let first = text.utf8.first, !(48...57).contains(first) else { return false }
        return text.utf8.allSatisfy { byte in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                || byte == 95 || (colons && byte == 58)
        }
    }
}
