package import Matching

/// A condition on a log record: comparisons joined by and, or and not.
package indirect enum LogFilter: Hashable, Sendable {
    case all([LogFilter])
    case any([LogFilter])
    case not(LogFilter)
    case compare(LogMetricDefinition.Condition)
    /// The field is there and not null.
    case exists(String)
    /// One of these texts; `ignoringCase` for what Elasticsearch analyses.
    case oneOf(field: String, values: [String])
    /// Some string of the record, or of the field when one is named, holds the text in any case.
    case contains(field: String?, text: String)
}

/// A filter, ready to be asked.
package indirect enum LogFilterTest: Sendable {
    case all([LogFilterTest])
    case any([LogFilterTest])
    case not(LogFilterTest)
    case compare(FieldPath, FieldTest)
    case exists(FieldPath)
    case oneOf(FieldPath, Set<String>)
    case contains(FieldPath?, String)

    /// - Throws: When a pattern in it is none.
    package init(_ filter: LogFilter) throws(PatternError) {
        switch filter {
        case .all(let parts): self = .all(try LogFilterTest.compile(parts))
        case .any(let parts): self = .any(try LogFilterTest.compile(parts))
        case .not(let part): self = .not(try LogFilterTest(part))
        case .compare(let condition):
            self = .compare(FieldPath(condition.field), try FieldTest(condition))
        case .exists(let field): self = .exists(FieldPath(field))
        case .oneOf(let field, let values): self = .oneOf(FieldPath(field), Set(values))
        case .contains(let field, let text):
            self = .contains(field.map { FieldPath($0) }, text.lowercased())
        }
    }

    private static func compile(_ parts: [LogFilter]) throws(PatternError) -> [LogFilterTest] {
        var tests: [LogFilterTest] = []
        for part in parts { tests.append(try LogFilterTest(part)) }
        return tests
    }

    /// True when a record satisfies it.
    package func holds(_ event: inout LogEvent) -> Bool {
        switch self {
        case .all(let parts):
            for part in parts where !part.holds(&event) { return false }
            return true
        case .any(let parts):
            for part in parts where part.holds(&event) { return true }
            return false
        case .not(let part): return !part.holds(&event)
        case .compare(let path, let test): return test.holds(event.value(path))
        case .exists(let path): return event.value(path).map { $0 != .null } ?? false
        case .oneOf(let path, let values):
            return event.value(path).map { values.contains($0.text) } ?? false
        case .contains(let path?, let text):
            return event.value(path).map { LogFilterTest.holds(text, in: $0) } ?? false
        case .contains(nil, let text):
            return event.record.fields.contains { LogFilterTest.holds(text, in: $0.value) }
        }
    }

    private static func holds(_ text: String, in value: LogValue) -> Bool {
        switch value {
        case .string(let string): string.lowercased().contains(text)
        case .array(let elements): elements.contains { holds(text, in: $0) }
        case .object(let members): members.contains { holds(text, in: $0.value) }
        case .null: false
        case .bool, .integer, .number: value.text == text
        }
    }
}

/// A record with the fields that are in its text, read when they are first asked for.
package struct LogEvent {
    package let record: LogRecord
    private let parse: (LogRecord) -> [(name: String, value: LogValue)]?
    private var parsed: [(name: String, value: LogValue)]?

    package init(
        _ record: LogRecord,
        parse: @escaping (LogRecord) -> [(name: String, value: LogValue)]?
    ) {
        self.record = record
        self.parse = parse
    }

    /// The value of a field of the record, else of its text.
    package mutating func value(_ path: FieldPath) -> LogValue? {
        if let own = path.find(in: record.fields) { return own }
        if parsed == nil { parsed = parse(record) ?? [] }
        return parsed.flatMap { path.find(in: $0) }
    }
}
