import Ingest
import Model

/// Prints records as the API gives them, a JSON object a line, for people or for programs.
struct LogLineText {
    let isJSON: Bool
    let terminal: Terminal

    /// How bad a record says it is.
    private enum Level {
        case error, warning, other

        init(_ text: String) {
            let text = text.lowercased()
            if ["err", "crit", "fatal", "panic", "alert", "emerg"].contains(where: text.hasPrefix) {
                self = .error
            } else if text.hasPrefix("warn") {
                self = .warning
            } else {
                self = .other
            }
        }
    }

    private static let levelFields = ["level", "severity", "lvl", "log.level", "levelname"]

    /// Prints one line of an answer.
    func output(_ line: String) {
        guard !isJSON, let record = LogText.object(in: line) else {
            return terminal.output(line + "\n")
        }
        terminal.output(text(record) + "\n")
    }

    /// Time, stream and message: `2026-11-24T14:02:00.123Z production/web  GET /...`.
    private func text(_ record: [(name: String, value: LogValue)]) -> String {
        func field(_ name: String) -> String {
            record.first { $0.name == name }?.value.text ?? ""
        }
        var fields: [(name: String, value: LogValue)] = []
        if case .object(let members)? = record.first(where: { $0.name == "fields" })?.value {
            fields = members
        }
        let place = [field("namespace"), field("container")].filter { !$0.isEmpty }
        let stream = place.isEmpty ? field("tag") : place.joined(separator: "/")
        let message = LogLineText.message(fields)
        let head =
            terminal.colored(field("time"), .dim) + " "
            + terminal.colored(LogLineText.plain(stream), .bold)
        let body = LogLineText.plain(message.text)
        return switch level(fields, message.parsed) {
        case .error: "\(head)  \(terminal.colored(body, .red))"
        case .warning: "\(head)  \(terminal.colored(body, .yellow))"
        case .other: "\(head)  \(body)"
        }
    }

    /// The record's text, or its fields as logfmt when it has none.
    private static func message(
        _ fields: [(name: String, value: LogValue)]
    ) -> (text: String, parsed: [(name: String, value: LogValue)]) {
        for name in LogText.textFields {
            guard case .string(let text)? = fields.first(where: { $0.name == name })?.value else {
                continue
            }
            return (text, LogText.object(in: text) ?? [])
        }
        let pairs = fields.filter { $0.name != "kubernetes" }.map { name, value in
            let text = LogLineText.compact(value)
            let isPlain = !text.isEmpty && !text.contains { " \"=\n".contains($0) }
            return "\(name)=\(isPlain ? text : LabelSet.quoted(text))"
        }
        return (pairs.joined(separator: " "), [])
    }

    private func level(
        _ fields: [(name: String, value: LogValue)],
        _ parsed: [(name: String, value: LogValue)]
    ) -> Level {
        guard terminal.hasColor else { return .other }
        for name in LogLineText.levelFields {
            let value =
                LogRecord.value(at: name, in: fields) ?? LogRecord.value(at: name, in: parsed)
            if let value { return Level(value.text) }
        }
        return .other
    }

    private static func compact(_ value: LogValue) -> String {
        switch value {
        case .array(let elements): "[" + elements.map(compact).joined(separator: ",") + "]"
        case .object(let members):
            "{" + members.map { "\($0.name):\(compact($0.value))" }.joined(separator: ",") + "}"
        case .null: "null"
        case .bool, .integer, .number, .string: value.text
        }
    }

    /// Without what a terminal would obey; further lines are indented, a last line feed is left out.
    static func plain(_ text: String) -> String {
        var plain = ""
        let end = text.unicodeScalars.last == "\n" ? 1 : 0
        for scalar in text.unicodeScalars.dropLast(end) {
            switch scalar.value {
            case 0x0a: plain += "\n    "
            case 0x0d: continue
            case 0x09: plain += "\t"
            case 0..<0x20, 0x7f..<0xa0:
                let digits = String(scalar.value, radix: 16)
                plain += "\\x" + (digits.count < 2 ? "0" : "") + digits
            default: plain.unicodeScalars.append(scalar)
            }
        }
        return plain
    }
}
