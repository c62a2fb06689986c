/// JSON with the order of its members kept, so that a body is the same on every try.
indirect enum JSONBody {
    case null
    case bool(Bool)
    case integer(Int)
    /// Finite.
    case number(Double)
    case text(String)
    case list([JSONBody])
    case object([(String, JSONBody)])

    /// How strings are escaped.
    enum Style {
        case plain
        /// As Go's encoder: <, > and & as escapes too.
        case go
    }

    static func optional(_ text: String?) -> JSONBody { text.map { .text($0) } ?? .null }

    /// Members in the order of their names' bytes.
    static func sorted(_ members: [String: String]) -> JSONBody {
        .object(
            members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
                .map { ($0.key, .text($0.value)) }
        )
    }

    func bytes(_ style: Style = .plain) -> [UInt8] {
        var output: [UInt8] = []
        write(to: &output, style)
        return output
    }

    private func write(to output: inout [UInt8], _ style: Style) {
        switch self {
        case .null: output += "null".utf8
        case .bool(let value): output += (value ? "true" : "false").utf8
        case .integer(let value): output += "\(value)".utf8
        case .number(let value):
            precondition(value.isFinite, "JSON has no such number")
            output +=
                (value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)")
                .utf8
        case .text(let text): JSONBody.write(text, to: &output, style)
        case .list(let items):
            output.append(UInt8(ascii: "["))
            for (index, item) in items.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                item.write(to: &output, style)
            }
            output.append(UInt8(ascii: "]"))
        case .object(let members):
            output.append(UInt8(ascii: "{"))
            for (index, (name, value)) in members.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                JSONBody.write(name, to: &output, style)
                output.append(UInt8(ascii: ":"))
                value.write(to: &output, style)
            }
            output.append(UInt8(ascii: "}"))
        }
    }

    private static func write(_ text: String, to output: inout [UInt8], _ style: Style) {
        output.append(UInt8(ascii: "\""))
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": output += "\\\"".utf8
            case "\\": output += "\\\\".utf8
            case "\n": output += "\\n".utf8
            case "\r": output += "\\r".utf8
            case "\t": output += "\\t".utf8
            case "<", ">", "&", "\u{2028}", "\u{2029}":
                output += style == .go ? escape(scalar).utf8 : String(scalar).utf8
            case let control where control.value < 0x20: output += escape(control).utf8
            default: output += String(scalar).utf8
            }
        }
        output.append(UInt8(ascii: "\""))
    }

    private static func escape(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
}
