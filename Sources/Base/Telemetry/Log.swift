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
        var bytes: [UInt8] = []
        append(quoted: text, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends `text` as `quoted` writes it; runs without escapes are copied whole.
    package static func append(quoted text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { source in
            var start = 0
            for index in source.indices {
                let byte = unsafe source[index]
                guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
                else { continue }
                unsafe bytes.append(contentsOf: source[start..<index])
                bytes.append(contentsOf: escape(byte).utf8)
                start = index + 1
            }
            unsafe bytes.append(contentsOf: source[start...])
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func escape(_ byte: UInt8) -> String {
        switch byte {
        case UInt8(ascii: "\""): "\\\""
        case UInt8(ascii: "\\"): "\\\\"
        case UInt8(ascii: "\n"): "\\n"
        case UInt8(ascii: "\r"): "\\r"
        case UInt8(ascii: "\t"): "\\t"
        default: (byte < 0x10 ? "\\u000" : "\\u00") + String(byte, radix: 16)
        }
    }
}
