import ArgumentParsing
import Ingest
import LogRules
import Matching
import Model
import Rules
import Timekeeping

/// `sloctl rules try FILE... < lines`: what log metrics would count and log rules would find.
struct RulesTryCommand {
    static let spec = CommandSpec(
        "try",
        "Try log_streams, log_metrics and log_rules on log lines, without a server",
        discussion: """
            Reads lines from standard input and prints what would be counted of them, why others would
            not, and what log rules would match, in order of event time. A line is the text of a record
            (--input text), or a whole record (--input json): an object of fields, or a line of
            sloctl logs -o json.

              kubectl logs web-1 | sloctl rules try app.yaml --field kubernetes.container=web
              sloctl logs -o json --limit 5000 | sloctl rules try --input json AlertRules
            """,
        operands: [OperandSpec("FILE", .oneOrMore, "rule files or folders")],
        options: [
            OptionSpec(
                "input",
                value: "FORMAT",
                choices: ["text", "json"],
                "What a line is (default: text)"
            ),
            OptionSpec("field", value: "NAME=VALUE", "A field that every record has; repeatable"),
            OptionSpec("tag", value: "TAG", "The tag of every record"),
            OptionSpec(
                "time",
                value: "FIELD",
                "Where a record's time is (default: @timestamp, time or timestamp; else now)"
            ),
            OptionSpec(
                "format",
                short: "o",
                value: "FORMAT",
                choices: ["text", "json"],
                "How to print"
            ),
        ]
    )

    let terminal: Terminal

    func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let rules: RuleSet
        do {
            rules = try RuleLoader.load(paths: invocation.operands)
        } catch {
            throw CommandFailure(code: .badConfiguration, message: error.description)
        }
        guard !rules.logMetrics.isEmpty || !rules.logRules.isEmpty || !rules.logStreams.isEmpty
        else {
            throw CommandFailure(
                code: .badConfiguration,
                message: "there are no log_streams, log_metrics or log_rules in "
                    + invocation.operands.joined(separator: ", ")
            )
        }
        var trial: LogTrial
        do {
            trial = try LogTrial(rules)
        } catch {
            throw CommandFailure(code: .badConfiguration, message: "\(error)")
        }
        let reader = try LogLineReader(
            isJSON: invocation.value("input") == "json",
            fields: fields(invocation),
            tag: invocation.value("tag") ?? "",
            timeField: invocation.value("time"),
            now: SystemClock().now()
        )
        while let line = terminal.input() {
            guard !line.isEmpty else { continue }
            trial.take(reader.record(line))
        }
        let document = trial.finish()
        if invocation.value("format") == "json" {
            try terminal.outputJSON(document)
        } else {
            terminal.output(LogTrialText.text(document))
        }
        return .ok
    }

    private func fields(
        _ invocation: Invocation
    ) throws(CommandFailure) -> [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = []
        for text in invocation.all("field") {
            guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
                throw CommandFailure(
                    code: .usage,
                    message: "--field needs NAME=VALUE, not \"\(text)\""
                )
            }
            fields.append((String(text[..<equals]), String(text[text.index(after: equals)...])))
        }
        return fields
    }
}

/// Makes records of lines.
struct LogLineReader {
    let isJSON: Bool
    let fields: [(name: String, value: LogValue)]
    let tag: String
    let timeFields: [String]
    let now: Timestamp

    init(
        isJSON: Bool,
        fields: [(name: String, value: String)],
        tag: String,
        timeField: String?,
        now: Timestamp
    ) {
        self.isJSON = isJSON
        self.fields = fields.map { ($0.name, .string($0.value)) }
        self.tag = tag
        timeFields = timeField.map { [$0] } ?? ["@timestamp", "time", "timestamp"]
        self.now = now
    }

    func record(_ line: String) -> LogRecord {
        var members = isJSON ? LogText.object(in: line) ?? [("log", .string(line))] : []
        if !isJSON { members = [("log", .string(line))] }
        var moment = time(in: members)
        var tag = tag
        // A line of `sloctl logs -o json`.
        if case .object(let inner)? = members.first(where: { $0.name == "fields" })?.value,
            members.contains(where: { $0.name == "arrived" })
        {
            tag = members.first { $0.name == "tag" }?.value.text ?? tag
            members = inner
        }
        if moment == nil, !isJSON { moment = time(in: LogText.object(in: line) ?? []) }
        return LogRecord(
            tag: tag,
            eventTime: moment ?? now,
            arrivalTime: moment ?? now,
            fields: members + fields
        )
    }

    private func time(in members: [(name: String, value: LogValue)]) -> Timestamp? {
        for name in timeFields {
            switch LogRecord.value(at: name, in: members) {
            case .string(let text)?:
                if let moment = Timestamp(rfc3339: text) { return moment }
                if let number = Double(text) { return LogLineReader.moment(number) }
            case .integer(let number)?: return LogLineReader.moment(Double(number))
            case .number(let number)?: return LogLineReader.moment(number)
            case .null?, .bool?, .array?, .object?, nil: continue
            }
        }
        return nil
    }

    /// Seconds, milliseconds, microseconds or nanoseconds since 1970, by their size.
    private static func moment(_ number: Double) -> Timestamp? {
        guard number.isFinite, number.magnitude < 1e19 else { return nil }
        return switch number.magnitude {
        case ..<1e11: Timestamp(seconds: number)
        case ..<1e14: Timestamp(milliseconds: Int64(number))
        case ..<1e17: Timestamp(milliseconds: Int64(number / 1e3))
        default: Timestamp(milliseconds: Int64(number / 1e6))
        }
    }
}
