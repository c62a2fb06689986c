import Glibc
package import Timekeeping

/// How serious a log line is.
package enum LogLevel: Int, Comparable, CaseIterable, Sendable {
    case debug, info, warn, error

    package static func < (left: LogLevel, right: LogLevel) -> Bool {
        left.rawValue < right.rawValue
    }

    /// The level named `debug`, `info`, `warn` or `error`.
    package init?(name: String) {
        guard let level = LogLevel.allCases.first(where: { "\($0)" == name }) else { return nil }
        self = level
    }
}

/// How a log line is written.
package enum LogFormat: String, Sendable {
    case text, json
}

/// The service's own structured log: one line an event, a plain sentence and named fields.
///
/// Never pass a secret; fields are written as they come.
package struct Log: Sendable {
    private let component: String
    private let level: LogLevel
    private let format: LogFormat
    private let clock: any WallClock
    private let write: @Sendable (String) -> Void

    /// A log for one component; lines below `level` are dropped.
    package init(
        component: String,
        level: LogLevel = .info,
        format: LogFormat = .text,
        clock: any WallClock = SystemClock(),
        write: @escaping @Sendable (String) -> Void = Log.standardError
    ) {
        self.component = component
        self.level = level
        self.format = format
        self.clock = clock
        self.write = write
    }

    /// A log that writes nothing.
    package static let silent = Log(component: "", level: .error, write: { _ in })

    /// The same log under another component's name.
    package func named(_ component: String) -> Log {
        Log(component: component, level: level, format: format, clock: clock, write: write)
    }

    package func debug(_ message: String, _ fields: KeyValuePairs<String, String> = [:]) {
        line(.debug, message, fields)
    }

    package func info(_ message: String, _ fields: KeyValuePairs<String, String> = [:]) {
        line(.info, message, fields)
    }

    package func warn(_ message: String, _ fields: KeyValuePairs<String, String> = [:]) {
        line(.warn, message, fields)
    }

    package func error(_ message: String, _ fields: KeyValuePairs<String, String> = [:]) {
        line(.error, message, fields)
    }

    private func line(
        _ level: LogLevel,
        _ message: String,
        _ fields: KeyValuePairs<String, String>
    ) {
        guard level >= self.level else { return }
        let time = clock.now().rfc3339
        switch format {
        case .text:
            var text = "\(time) \("\(level)".uppercased()) \(component): \(message)"
            for (key, value) in fields {
                let plain = !value.isEmpty && value.utf8.allSatisfy { $0 > 32 && $0 != 34 }
                text += " \(key)=\(plain ? value : JSONText.quoted(value))"
            }
            write(text + "\n")
        case .json:
            var text = "{\"time\":\"\(time)\",\"level\":\"\(level)\",\"component\":"
            text += "\(JSONText.quoted(component)),\"message\":\(JSONText.quoted(message))"
            for (key, value) in fields {
                text += ",\(JSONText.quoted(key)):\(JSONText.quoted(value))"
            }
            write(text + "}\n")
        }
    }

    /// Writes one line to standard error in a single call.
    @Sendable package static func standardError(_ line: String) {
        let bytes = Array(line.utf8)
        unsafe bytes.withUnsafeBytes { buffer in
            _ = unsafe Glibc.write(2, buffer.baseAddress, buffer.count)
        }
    }
}

/// JSON string quoting for lines built by hand.
package enum JSONText {
    /// `text` in double quotes, with what RFC 8259 requires escaped.
    package static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case let control where control.value < 0x20:
                let hex = String(control.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
