import Matching
import Model
import Timekeeping
import WireFormats

/// What one record adds to one metric.
struct LogMetricObservation {
    var table: Int
    var labels: [String]
    var value: Double
    /// Nil when samples of the metric bear the arrival's time.
    var eventTime: Int64?
}

/// One definition, compiled: matches a record, takes it apart, says what it adds.
struct LogMetricPipeline: Sendable {
    /// Which text of a record is parsed and how; pipelines that agree share the work.
    struct Parsing: Sendable {
        var parser: LogMetricDefinition.Parser
        var field: FieldPath?
        var pattern: Pattern?
        /// Names of the pattern's groups; nil where a group has none.
        var groupNames: [String?] = []
        var jsonDepthMax: Int
    }

    /// What a text turned out to be.
    enum Parsed {
        /// The record's own fields are all there is.
        case record
        case fields([(name: String, value: LogValue)])
        case unparsed
    }

    enum Outcome {
        /// `from` does not select the record.
        case unselected
        /// The text or the value cannot be read.
        case unparsed
        /// A condition does not hold.
        case noMatch
        case observed(LogMetricObservation)
    }

    static let defaultTextFields = [FieldPath("log"), FieldPath("message"), FieldPath("msg")]

    let table: Int
    let from: [(path: FieldPath, value: String)]
    /// Index into the program's parsings.
    let parsing: Int
    let conditions: [LogMetricCondition]
    let labels: [LogLabel]
    let value: FieldPath?
    /// What the values count; nil: taken as they are.
    let unit: LogValueUnit?
    /// A counter's amount may not be negative.
    let isCounter: Bool
    let usesEventTime: Bool
    let labelValueBytesMax: Int

    /// Judges one record; `parsed` gives what `parsing` makes of it.
    func judge(_ record: LogRecord, _ parsed: () -> Parsed) -> Outcome {
        for (path, value) in from where path.find(in: record.fields)?.text != value {
            return .unselected
        }
        let fields: [(name: String, value: LogValue)]
        switch parsed() {
        case .record: fields = []
        case .fields(let found): fields = found
        case .unparsed: return .unparsed
        }
        func find(_ path: FieldPath) -> LogValue? {
            path.find(in: fields) ?? path.find(in: record.fields)
        }
        for condition in conditions where !condition.holds(find(condition.path)) { return .noMatch }
        var amount = 1.0
        if let value {
            let found = find(value).flatMap {
                unit?.convert($0) ?? (unit == nil ? $0.numeric : nil)
            }
            guard let number = found, number.isFinite, !isCounter || number >= 0 else {
                return .unparsed
            }
            amount = number
        }
        return .observed(
            LogMetricObservation(
                table: table,
                labels: labels.map { cut($0.value(find)) },
                value: amount,
                eventTime: usesEventTime ? record.eventTime.milliseconds : nil
            )
        )
    }

    /// The first bytes of a long value, cut between characters.
    private func cut(_ text: String) -> String {
        guard text.utf8.count > labelValueBytesMax else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: labelValueBytesMax)
        while String(text[..<end]).utf8.count != text.utf8.distance(from: text.startIndex, to: end)
            || end.samePosition(in: text.unicodeScalars) == nil
        {
            end = text.utf8.index(before: end)
        }
        return String(text[..<end])
    }
}

extension LogMetricPipeline.Parsing {
    /// Takes the record's text apart.
    func parse(_ record: LogRecord) -> LogMetricPipeline.Parsed {
        if case .none = parser { return .record }
        let found =
            field.map { $0.find(in: record.fields) }
            ?? LogMetricPipeline.defaultTextFields.lazy.compactMap { $0.find(in: record.fields) }
            .first
        // A shipper may have parsed the text and removed it: then the record's fields are what it held.
        guard let found else { return .record }
        guard case .string(let text) = found else {
            if case .object(let members) = found { return .fields(members) }
            return .unparsed
        }
        let bytes = text.utf8Span.span
        let fields: [(name: String, value: LogValue)]?
        switch parser {
        case .none: return .record
        case .json: fields = json(bytes)
        case .logfmt: fields = LogfmtParser.parse(bytes)
        case .combined: fields = CombinedLogParser.parse(bytes)
        case .regex: fields = groups(bytes)
        }
        return fields.map { .fields($0) } ?? .unparsed
    }

    private func json(_ bytes: Span<UInt8>) -> [(name: String, value: LogValue)]? {
        var reader = JSONReader(bytes, depthMax: jsonDepthMax)
        guard (try? reader.next()) == .objectStart,
            let members = try? LogValue.members(of: &reader),
            (try? reader.next()) == .end
        else { return nil }
        return members
    }

    private func groups(_ bytes: Span<UInt8>) -> [(name: String, value: LogValue)]? {
        guard let pattern, let ranges = pattern.groups(in: bytes) else { return nil }
        var fields: [(name: String, value: LogValue)] = []
        for (name, range) in zip(groupNames, ranges.dropFirst()) {
            guard let name, let range else { continue }
            fields.append((name, .string(WireText.repaired(bytes, range))))
        }
        return fields
    }
}
