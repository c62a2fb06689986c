import Model

/// Writes protobuf messages for tests, by the wire format's own rules.
struct Message {
    private(set) var bytes: [UInt8] = []

    private mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    func varint(_ field: UInt64, _ value: UInt64) -> Message {
        var made = self
        made.append(varint: field << 3)
        made.append(varint: value)
        return made
    }

    func fixed64(_ field: UInt64, _ value: UInt64) -> Message {
        var made = self
        made.append(varint: field << 3 | 1)
        for shift in 0..<8 {
            made.bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift * 8)))
        }
        return made
    }

    func bytes(_ field: UInt64, _ content: [UInt8]) -> Message {
        var made = self
        made.append(varint: field << 3 | 2)
        made.append(varint: UInt64(content.count))
        made.bytes += content
        return made
    }

    func text(_ field: UInt64, _ text: String) -> Message { bytes(field, Array(text.utf8)) }

    func message(_ field: UInt64, _ inner: Message) -> Message { bytes(field, inner.bytes) }

    /// A `KeyValue` in a field, its value as `AnyValue`.
    func pair(_ field: UInt64, _ key: String, _ value: Message) -> Message {
        message(field, Message().text(1, key).message(2, value))
    }

    static func string(_ text: String) -> Message { Message().text(1, text) }

    static func integer(_ value: Int64) -> Message {
        Message().varint(3, UInt64(bitPattern: value))
    }

    static func list(_ values: [Message]) -> Message {
        Message().message(5, values.reduce(Message()) { $0.message(1, $1) })
    }

    static func map(_ pairs: [(String, Message)]) -> Message {
        Message().message(6, pairs.reduce(Message()) { $0.pair(1, $1.0, $1.1) })
    }

    /// An export request with one resource and one scope.
    static func request(
        resource: [(String, Message)] = [],
        scope: String = "",
        records: [Message]
    ) -> Message {
        let attributes = resource.reduce(Message()) { $0.pair(1, $1.0, $1.1) }
        let scoped = records.reduce(Message().message(1, Message().text(1, scope))) {
            $0.message(2, $1)
        }
        return Message().message(1, Message().message(1, attributes).message(2, scoped))
    }
}

/// Fields as text, for comparing.
func described(_ fields: [(name: String, value: LogValue)]) -> String {
    func text(_ value: LogValue) -> String {
        switch value {
        case .object(let inner): "{" + described(inner) + "}"
        case .array(let values): "[" + values.map(text).joined(separator: " ") + "]"
        case .null: "null"
        case .bool, .integer, .number, .string: value.text
        }
    }
    return fields.map { "\($0.name)=\(text($0.value))" }.joined(separator: " ")
}
