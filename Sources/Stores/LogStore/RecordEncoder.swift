import Model
import Timekeeping

/// Writes a record as bytes: arrival, event time and sequence (eight bytes each), then its fields.
///
/// A field is a name and a value. A name is a varint: `2 * number` into the name table, or `2 * length + 1`
/// followed by the bytes. A value is a tag byte and its content; strings, arrays and objects carry their
/// length in bytes, so that a reader steps over them.
struct RecordEncoder {
    /// Tag bytes of values.
    enum Tag {
        static let null: UInt8 = 0
        static let `false`: UInt8 = 1
        static let `true`: UInt8 = 2
        static let integer: UInt8 = 3
        static let number: UInt8 = 4
        static let string: UInt8 = 5
        static let array: UInt8 = 6
        static let object: UInt8 = 7
    }

    /// Bytes before the fields.
    static let headerBytes = 24

    private let settings: LogStoreSettings
    private(set) var bytes: [UInt8] = []
    /// Strings that were cut and containers that were too deep, in all records so far.
    private(set) var cutCount = 0
    private var place = 0

    init(settings: LogStoreSettings) {
        self.settings = settings
    }

    /// Encodes one record into `bytes`.
    mutating func encode(
        _ record: LogRecord,
        sequence: UInt64,
        names: inout FieldNames,
        predicted: inout [Int]
    ) {
        bytes.removeAll(keepingCapacity: true)
        place = 0
        append(UInt64(bitPattern: record.arrivalTime.milliseconds))
        append(UInt64(bitPattern: record.eventTime.milliseconds))
        append(sequence)
        append(record.fields, depth: 0, &names, &predicted)
    }

    private mutating func append(
        _ fields: [(name: String, value: LogValue)],
        depth: Int,
        _ names: inout FieldNames,
        _ predicted: inout [Int]
    ) {
        for (name, value) in fields {
            if let number = names.number(of: name, at: place, predicted: &predicted) {
                appendVarint(UInt64(number) << 1)
            } else {
                let text = cut(name)
                appendVarint(UInt64(text.utf8.count) << 1 | 1)
                bytes.append(contentsOf: text.utf8)
            }
            place += 1
            append(value, depth: depth, &names, &predicted)
        }
    }

    private mutating func append(
        _ value: LogValue,
        depth: Int,
        _ names: inout FieldNames,
        _ predicted: inout [Int]
    ) {
        switch value {
        case .null: bytes.append(Tag.null)
        case .bool(let flag): bytes.append(flag ? Tag.true : Tag.false)
        case .integer(let integer):
            bytes.append(Tag.integer)
            // Zigzag: small magnitudes of either sign take few bytes.
            appendVarint(UInt64(bitPattern: (integer << 1) ^ (integer >> 63)))
        case .number(let number):
            bytes.append(Tag.number)
            append(number.bitPattern)
        case .string(let whole):
            let text = cut(whole)
            bytes.append(Tag.string)
            appendVarint(UInt64(text.utf8.count))
            bytes.append(contentsOf: text.utf8)
        case .array where depth >= settings.depthMax, .object where depth >= settings.depthMax:
            cutCount += 1
            bytes.append(Tag.null)
        case .array(let elements):
            let start = open(Tag.array)
            for element in elements { append(element, depth: depth + 1, &names, &predicted) }
            close(start)
        case .object(let fields):
            let start = open(Tag.object)
            append(fields, depth: depth + 1, &names, &predicted)
            close(start)
        }
    }

    /// Begins a container, whose length in four bytes `close` fills in.
    private mutating func open(_ tag: UInt8) -> Int {
        bytes.append(tag)
        bytes.append(contentsOf: [0, 0, 0, 0])
        return bytes.count
    }

    private mutating func close(_ start: Int) {
        let length = UInt32(truncatingIfNeeded: bytes.count - start)
        for index in 0..<4 {
            bytes[start - 4 + index] = UInt8(truncatingIfNeeded: length >> (8 * UInt32(index)))
        }
    }

    private mutating func cut(_ text: String) -> Substring {
        guard text.utf8.count > settings.valueBytesMax else { return text[...] }
        cutCount += 1
        var end = text.utf8.index(text.startIndex, offsetBy: settings.valueBytesMax)
        // Back to the start of a scalar, so that what is kept is valid UTF-8.
        while end > text.startIndex, text.utf8[end] & 0xc0 == 0x80 {
            end = text.utf8.index(before: end)
        }
        return text[..<end]
    }

    private mutating func append(_ word: UInt64) {
        for shift in stride(from: 0 as UInt64, to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: word >> shift))
        }
    }

    private mutating func appendVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
