import Buffers
import Model
import Timekeeping

/// Writes a record as bytes: arrival, event time and sequence (eight bytes each), then its fields.
///
/// A field is a name and a value. A name is a varint: `2 * number` into the name table, or `2 * length + 1`
/// followed by the bytes. A value is a tag byte and its content; strings, arrays and objects carry their
/// length in bytes, so that a reader steps over them.
struct RecordEncoder: ~Copyable {
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
    private var writer = ByteWriter()
    /// Strings that were cut and containers that were too deep, in all records so far.
    private(set) var cutCount = 0
    private var place = 0

    init(settings: LogStoreSettings) {
        self.settings = settings
    }

    /// Bytes of the record that was encoded last.
    var byteCount: Int { writer.count }

    /// Puts the record that was encoded last into its stream's ring.
    func store(_ record: LogRecord, sequence: UInt64, in ring: inout StreamRing) {
        ring.append(
            writer.bytes,
            arrival: record.arrivalTime,
            event: record.eventTime,
            sequence: sequence
        )
    }

    /// Encodes one record.
    mutating func encode(
        _ record: LogRecord,
        sequence: UInt64,
        names: inout FieldNames,
        predicted: inout [Int]
    ) {
        writer.removeAll()
        place = 0
        writer.append(UInt64(bitPattern: record.arrivalTime.milliseconds))
        writer.append(UInt64(bitPattern: record.eventTime.milliseconds))
        writer.append(sequence)
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
                writer.appendVarint(UInt64(number) << 1)
            } else {
                append(name, lengthShift: 1, flag: 1)
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
        case .null: writer.append(Tag.null)
        case .bool(let flag): writer.append(flag ? Tag.true : Tag.false)
        case .integer(let integer):
            writer.append(Tag.integer)
            // Zigzag: small magnitudes of either sign take few bytes.
            writer.appendVarint(UInt64(bitPattern: (integer << 1) ^ (integer >> 63)))
        case .number(let number):
            writer.append(Tag.number)
            writer.append(number.bitPattern)
        case .string(let text):
            writer.append(Tag.string)
            append(text, lengthShift: 0, flag: 0)
        case .array where depth >= settings.depthMax, .object where depth >= settings.depthMax:
            cutCount += 1
            writer.append(Tag.null)
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
        writer.append(tag)
        for _ in 0..<4 { writer.append(0 as UInt8) }
        return writer.count
    }

    private mutating func close(_ start: Int) {
        writer.overwrite(UInt32(truncatingIfNeeded: writer.count - start), at: start - 4)
    }

    /// A string's length and bytes, cut to the limit.
    private mutating func append(_ text: String, lengthShift: UInt64, flag: UInt64) {
        let count = text.utf8.count
        guard count > settings.valueBytesMax else {
            writer.appendVarint(UInt64(count) << lengthShift | flag)
            writer.append(text)
            return
        }
        cutCount += 1
        var end = text.utf8.index(text.startIndex, offsetBy: settings.valueBytesMax)
        // Back to the start of a scalar, so that what is kept is valid UTF-8.
        while end > text.startIndex, text.utf8[end] & 0xc0 == 0x80 {
            end = text.utf8.index(before: end)
        }
        let kept = String(text[..<end])
        writer.appendVarint(UInt64(kept.utf8.count) << lengthShift | flag)
        writer.append(kept)
    }
}
