import Matching
import Model
import Timekeeping

/// Reads records that `RecordEncoder` wrote, without building what is not asked for.
struct RecordReader: ~Escapable {
    private let bytes: Span<UInt8>
    private let names: [String]

    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>, names: [String]) {
        self.bytes = bytes
        self.names = names
    }

    var arrivalTime: Timestamp { Timestamp(milliseconds: Int64(bitPattern: word(at: 0))) }
    var eventTime: Timestamp { Timestamp(milliseconds: Int64(bitPattern: word(at: 8))) }
    var sequence: UInt64 { word(at: 16) }

    /// The whole record.
    func record(tag: String) -> LogRecord {
        LogRecord(
            tag: tag,
            eventTime: eventTime,
            arrivalTime: arrivalTime,
            fields: fields(in: RecordEncoder.headerBytes..<bytes.count)
        )
    }

    /// The value at the first of the paths where one is; objects count only where there is no other path.
    func value(at paths: [RecordPath]) -> LogValue? {
        let whole = RecordEncoder.headerBytes..<bytes.count
        for path in paths {
            guard var cursor = find(path, from: 0, in: whole) else { continue }
            if paths.count > 1, bytes[cursor] == RecordEncoder.Tag.object { continue }
            return readValue(&cursor)
        }
        return nil
    }

    /// True when a pattern is found in some string of the record.
    func contains(_ pattern: Pattern) -> Bool {
        anyString(in: RecordEncoder.headerBytes..<bytes.count, isObject: true) {
            pattern.isFound(in: bytes.extracting($0))
        }
    }

    /// True when some string in the record holds `text` (lower case, ASCII letters compared without case).
    func contains(_ text: [UInt8]) -> Bool {
        anyString(in: RecordEncoder.headerBytes..<bytes.count, isObject: true) {
            holds(text, in: $0)
        }
    }

    // MARK: Walking

    private func fields(in range: Range<Int>) -> [(name: String, value: LogValue)] {
        var fields: [(name: String, value: LogValue)] = []
        var cursor = range.lowerBound
        while cursor < range.upperBound {
            let name = readName(&cursor)
            fields.append((name, readValue(&cursor)))
        }
        return fields
    }

    /// Where the value at a path begins, found as `LogRecord`'s own subscript finds it.
    private func find(_ path: RecordPath, from part: Int, in range: Range<Int>) -> Int? {
        if let direct = find(path.name(part, path.partCount), in: range) { return direct }
        for end in (part + 1)..<max(part + 1, path.partCount) {
            guard var cursor = find(path.name(part, end), in: range),
                bytes[cursor] == RecordEncoder.Tag.object
            else { continue }
            cursor += 1
            if let found = find(path, from: end, in: readContainer(&cursor)) { return found }
        }
        return nil
    }

    /// Where the value of the first field of a name begins.
    private func find(_ name: RecordPath.Name, in range: Range<Int>) -> Int? {
        var cursor = range.lowerBound
        while cursor < range.upperBound {
            let head = readVarint(&cursor)
            if head & 1 == 0 {
                if Int(head >> 1) == name.number { return cursor }
            } else {
                let count = Int(head >> 1)
                let isWanted = name.number == nil && text(cursor..<(cursor + count)) == name.text
                cursor += count
                if isWanted { return cursor }
            }
            skipValue(&cursor)
        }
        return nil
    }

    private func anyString(
        in range: Range<Int>,
        isObject: Bool,
        _ isWanted: (Range<Int>) -> Bool
    ) -> Bool {
        var cursor = range.lowerBound
        while cursor < range.upperBound {
            if isObject { skipName(&cursor) }
            switch bytes[cursor] {
            case RecordEncoder.Tag.string:
                cursor += 1
                let count = Int(readVarint(&cursor))
                if isWanted(cursor..<(cursor + count)) { return true }
                cursor += count
            case RecordEncoder.Tag.array, RecordEncoder.Tag.object:
                let isObject = bytes[cursor] == RecordEncoder.Tag.object
                cursor += 1
                if anyString(in: readContainer(&cursor), isObject: isObject, isWanted) {
                    return true
                }
            default: skipValue(&cursor)
            }
        }
        return false
    }

    private func holds(_ text: [UInt8], in range: Range<Int>) -> Bool {
        guard let first = text.first else { return true }
        guard range.count >= text.count else { return false }
        for start in range.lowerBound...(range.upperBound - text.count)
        where lowercased(bytes[start]) == first {
            var matched = 1
            while matched < text.count, lowercased(bytes[start + matched]) == text[matched] {
                matched += 1
            }
            if matched == text.count { return true }
        }
        return false
    }

    private func lowercased(_ byte: UInt8) -> UInt8 {
        byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
    }

    // MARK: Reading

    private func readValue(_ cursor: inout Int) -> LogValue {
        let tag = bytes[cursor]
        cursor += 1
        switch tag {
        case RecordEncoder.Tag.false: return .bool(false)
        case RecordEncoder.Tag.true: return .bool(true)
        case RecordEncoder.Tag.integer:
            let zigzag = readVarint(&cursor)
            return .integer(Int64(bitPattern: zigzag >> 1) ^ -Int64(bitPattern: zigzag & 1))
        case RecordEncoder.Tag.number:
            defer { cursor += 8 }
            return .number(Double(bitPattern: word(at: cursor)))
        case RecordEncoder.Tag.string:
            let count = Int(readVarint(&cursor))
            defer { cursor += count }
            return .string(text(cursor..<(cursor + count)))
        case RecordEncoder.Tag.array:
            let range = readContainer(&cursor)
            var inner = range.lowerBound
            var elements: [LogValue] = []
            while inner < range.upperBound { elements.append(readValue(&inner)) }
            return .array(elements)
        case RecordEncoder.Tag.object:
            return .object(fields(in: readContainer(&cursor)))
        default: return .null
        }
    }

    private func skipValue(_ cursor: inout Int) {
        let tag = bytes[cursor]
        cursor += 1
        switch tag {
        case RecordEncoder.Tag.integer: _ = readVarint(&cursor)
        case RecordEncoder.Tag.number: cursor += 8
        case RecordEncoder.Tag.string: cursor += Int(readVarint(&cursor))
        case RecordEncoder.Tag.array, RecordEncoder.Tag.object: _ = readContainer(&cursor)
        default: break
        }
    }

    private func readName(_ cursor: inout Int) -> String {
        let head = readVarint(&cursor)
        guard head & 1 == 1 else { return names[Int(head >> 1)] }
        let count = Int(head >> 1)
        defer { cursor += count }
        return text(cursor..<(cursor + count))
    }

    private func skipName(_ cursor: inout Int) {
        let head = readVarint(&cursor)
        if head & 1 == 1 { cursor += Int(head >> 1) }
    }

    private func readContainer(_ cursor: inout Int) -> Range<Int> {
        let length =
            Int(bytes[cursor]) | Int(bytes[cursor + 1]) << 8 | Int(bytes[cursor + 2]) << 16
            | Int(bytes[cursor + 3]) << 24
        defer { cursor += 4 + length }
        return (cursor + 4)..<(cursor + 4 + length)
    }

    private func readVarint(_ cursor: inout Int) -> UInt64 {
        let first = bytes[cursor]
        if first < 0x80 {
            cursor += 1
            return UInt64(first)
        }
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte = bytes[cursor]
            cursor += 1
            value |= UInt64(byte & 0x7f) << shift
            guard byte >= 0x80 else { return value }
            shift += 7
        }
    }

    private func text(_ range: Range<Int>) -> String {
        // What was encoded came from a String, so this never fails.
        guard let text = try? UTF8Span(validating: bytes.extracting(range)) else { return "" }
        return String(copying: text)
    }

    private func word(at offset: Int) -> UInt64 {
        var word: UInt64 = 0
        for index in 0..<8 { word |= UInt64(bytes[offset + index]) << (8 * UInt64(index)) }
        return word
    }
}
