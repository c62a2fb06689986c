package import Model
package import WireFormats

extension LogValue {
    /// Reads the value that comes next in `reader`; broken characters become U+FFFD.
    package init(next reader: inout JSONReader) throws(WireFormatError) {
        self = try LogValue.value(try reader.next(), &reader)
    }

    /// Reads the members of an object that has just begun, through its end.
    package static func members(
        of reader: inout JSONReader
    ) throws(WireFormatError) -> [(name: String, value: LogValue)] {
        var members: [(name: String, value: LogValue)] = []
        while case .name(let name) = try reader.next() {
            let text = try reader.text(name, repairing: true)
            members.append((text, try LogValue(next: &reader)))
        }
        return members
    }

    /// Recursion is bounded by the reader's depth limit.
    private static func value(
        _ token: JSONToken,
        _ reader: inout JSONReader
    ) throws(WireFormatError) -> LogValue {
        switch token {
        case .null: return .null
        case .bool(let value): return .bool(value)
        case .integer(let value): return .integer(value)
        case .number(let value): return .number(value)
        case .string(let text): return .string(try reader.text(text, repairing: true))
        case .objectStart: return .object(try members(of: &reader))
        case .arrayStart:
            var values: [LogValue] = []
            while true {
                let token = try reader.next()
                if token == .arrayEnd { return .array(values) }
                values.append(try value(token, &reader))
            }
        case .objectEnd, .arrayEnd, .name, .end:
            throw WireFormatError(.expected("a value"), at: reader.offset)
        }
    }
}
