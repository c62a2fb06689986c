/// A JSON value as a tree.
package indirect enum JSONValue: Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    /// Members in the order of the text, repeated names included.
    case object([(name: String, value: JSONValue)])

    /// Reads the one value that `bytes` hold.
    ///
    /// - Parameters:
    ///   - bytes: A whole JSON text, UTF-8.
    ///   - depthMax: Containers within containers that are accepted, 1 to 64.
    ///   - repairing: Replace broken characters instead of refusing the text.
    /// - Throws: `WireFormatError` for anything that is not one JSON value, with the byte where it goes wrong.
    package init(
        _ bytes: Span<UInt8>,
        depthMax: Int = 64,
        repairing: Bool = false
    ) throws(WireFormatError) {
        var reader = JSONReader(bytes, depthMax: depthMax)
        self = try JSONValue.read(&reader, repairing)
        _ = try reader.next()
    }

    /// Reads the value that comes next in `reader`, which goes on behind it.
    package init(
        next reader: inout JSONReader,
        repairing: Bool = false
    ) throws(WireFormatError) {
        self = try JSONValue.read(&reader, repairing)
    }

    private static func read(
        _ reader: inout JSONReader,
        _ repairing: Bool
    ) throws(WireFormatError) -> JSONValue {
        try value(try reader.next(), &reader, repairing)
    }

    /// Recursion is bounded by the reader's depth limit.
    private static func value(
        _ token: JSONToken,
        _ reader: inout JSONReader,
        _ repairing: Bool
    ) throws(WireFormatError) -> JSONValue {
        switch token {
        case .null: return .null
        case .bool(let value): return .bool(value)
        case .integer(let value): return .integer(value)
        case .number(let value): return .number(value)
        case .string(let text): return .string(try reader.text(text, repairing: repairing))
        case .arrayStart:
            var values: [JSONValue] = []
            while true {
                let token = try reader.next()
                if token == .arrayEnd { return .array(values) }
                values.append(try value(token, &reader, repairing))
            }
        case .objectStart:
            var members: [(name: String, value: JSONValue)] = []
            while case .name(let name) = try reader.next() {
                members.append(
                    (
                        try reader.text(name, repairing: repairing),
                        try read(&reader, repairing)
                    )
                )
            }
            return .object(members)
        case .objectEnd, .arrayEnd, .name, .end:
            throw WireFormatError(.expected("a value"), at: reader.offset)
        }
    }

    /// The last member of this name; nil when there is none or this is no object.
    package subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.name == name }?.value
    }

    /// The elements; nil when this is no array.
    package var elements: [JSONValue]? {
        guard case .array(let values) = self else { return nil }
        return values
    }

    /// The text; nil when this is no string.
    package var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// The number, whole or not; nil when this is none.
    package var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        case .null, .bool, .string, .array, .object: nil
        }
    }
}

extension JSONValue: Equatable {
    package static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.integer(let a), .integer(let b)): a == b
        case (.number(let a), .number(let b)): a == b
        case (.string(let a), .string(let b)): a == b
        case (.array(let a), .array(let b)): a == b
        case (.object(let a), .object(let b)):
            a.elementsEqual(b) { $0.name == $1.name && $0.value == $1.value }
        default: false
        }
    }
}
