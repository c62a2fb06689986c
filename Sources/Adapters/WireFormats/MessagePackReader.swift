/// The next piece of a MessagePack stream.
///
/// Containers say how many values follow, text and bytes where they lie.
package enum MessagePackToken: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    /// An unsigned integer over `Int64.max`.
    case unsigned(UInt64)
    case number(Double)
    /// A `str`; not necessarily UTF-8, since old writers put raw bytes there.
    case string(Range<Int>)
    case binary(Range<Int>)
    /// This many values follow.
    case array(Int)
    /// This many pairs of values follow.
    case map(Int)
    case extended(type: Int8, Range<Int>)
}

/// Reads MessagePack token by token, copying nothing.
///
/// The reader trusts no count: `array` and `map` counts are checked against the bytes that are left, since a
/// value takes at least one, so that nobody reserves memory for values that cannot be there.
package struct MessagePackReader: ~Escapable {
    @usableFromInline let bytes: Span<UInt8>
    /// Where the next token begins.
    package var offset: Int
    package let end: Int

    /// Reads from all of `bytes`.
    @_lifetime(copy bytes)
    package init(_ bytes: Span<UInt8>) {
        self.bytes = bytes
        offset = 0
        end = bytes.count
    }

    /// Reads from a part of `bytes`; offsets count from the beginning of all.
    @_lifetime(copy bytes)
    package init(_ bytes: Span<UInt8>, in range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "range in bounds")
        self.bytes = bytes
        offset = range.lowerBound
        end = range.upperBound
    }

    package var isAtEnd: Bool { offset >= end }

    /// The next token; the values of a container follow as tokens of their own.
    package mutating func next() throws(WireFormatError) -> MessagePackToken {
        guard offset < end else { throw WireFormatError(.truncated, at: offset) }
        let start = offset
        let byte = bytes[offset]
        offset += 1
        switch byte {
        case 0x00...0x7f: return .integer(Int64(byte))
        case 0x80...0x8f: return try container(Int(byte & 0x0f), isMap: true, start)
        case 0x90...0x9f: return try container(Int(byte & 0x0f), isMap: false, start)
        case 0xa0...0xbf: return .string(try take(Int(byte & 0x1f), start))
        case 0xc0: return .null
        case 0xc1: throw WireFormatError(.invalidByte(byte), at: start)
        case 0xc2: return .bool(false)
        case 0xc3: return .bool(true)
        case 0xc4: return .binary(try take(Int(try bigEndian(1)), start))
        case 0xc5: return .binary(try take(Int(try bigEndian(2)), start))
        case 0xc6: return .binary(try take(Int(try bigEndian(4)), start))
        case 0xc7: return try extended(Int(try bigEndian(1)), start)
        case 0xc8: return try extended(Int(try bigEndian(2)), start)
        case 0xc9: return try extended(Int(try bigEndian(4)), start)
        case 0xca: return .number(Double(Float(bitPattern: UInt32(try bigEndian(4)))))
        case 0xcb: return .number(Double(bitPattern: try bigEndian(8)))
        case 0xcc: return .integer(Int64(try bigEndian(1)))
        case 0xcd: return .integer(Int64(try bigEndian(2)))
        case 0xce: return .integer(Int64(try bigEndian(4)))
        case 0xcf:
            let value = try bigEndian(8)
            return Int64(exactly: value).map { .integer($0) } ?? .unsigned(value)
        case 0xd0: return .integer(Int64(Int8(truncatingIfNeeded: try bigEndian(1))))
        case 0xd1: return .integer(Int64(Int16(truncatingIfNeeded: try bigEndian(2))))
        case 0xd2: return .integer(Int64(Int32(truncatingIfNeeded: try bigEndian(4))))
        case 0xd3: return .integer(Int64(bitPattern: try bigEndian(8)))
        case 0xd4: return try extended(1, start)
        case 0xd5: return try extended(2, start)
        case 0xd6: return try extended(4, start)
        case 0xd7: return try extended(8, start)
        case 0xd8: return try extended(16, start)
        case 0xd9: return .string(try take(Int(try bigEndian(1)), start))
        case 0xda: return .string(try take(Int(try bigEndian(2)), start))
        case 0xdb: return .string(try take(Int(try bigEndian(4)), start))
        case 0xdc: return try container(Int(try bigEndian(2)), isMap: false, start)
        case 0xdd: return try container(Int(try bigEndian(4)), isMap: false, start)
        case 0xde: return try container(Int(try bigEndian(2)), isMap: true, start)
        case 0xdf: return try container(Int(try bigEndian(4)), isMap: true, start)
        default: return .integer(Int64(Int8(bitPattern: byte)))
        }
    }

    /// Moves behind one whole value, whatever it holds.
    ///
    /// - Returns: Where the value lies.
    @discardableResult
    package mutating func skip() throws(WireFormatError) -> Range<Int> {
        let start = offset
        var pending = 1
        while pending > 0 {
            pending -= 1
            switch try next() {
            case .array(let count): pending += count
            case .map(let count): pending += 2 * count
            default: break
            }
        }
        return start..<offset
    }

    private mutating func bigEndian(_ count: Int) throws(WireFormatError) -> UInt64 {
        guard end - offset >= count else { throw WireFormatError(.truncated, at: offset) }
        var value: UInt64 = 0
        for index in 0..<count { value = value &<< 8 | UInt64(bytes[offset &+ index]) }
        offset += count
        return value
    }

    private mutating func take(_ count: Int, _ start: Int) throws(WireFormatError) -> Range<Int> {
        guard count <= end - offset else { throw WireFormatError(.truncated, at: start) }
        let range = offset..<(offset + count)
        offset = range.upperBound
        return range
    }

    private mutating func extended(
        _ count: Int,
        _ start: Int
    ) throws(WireFormatError) -> MessagePackToken {
        let type = Int8(truncatingIfNeeded: try bigEndian(1))
        return .extended(type: type, try take(count, start))
    }

    private func container(
        _ count: Int,
        isMap: Bool,
        _ start: Int
    ) throws(WireFormatError) -> MessagePackToken {
        guard (isMap ? 2 * count : count) <= end - offset else {
            throw WireFormatError(.truncated, at: start)
        }
        return isMap ? .map(count) : .array(count)
    }
}
