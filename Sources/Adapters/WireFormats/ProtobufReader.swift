/// How a protobuf field is stored.
package enum ProtobufWireType: Int, Sendable {
    case varint = 0
    case fixed64 = 1
    case delimited = 2
    case groupStart = 3
    case groupEnd = 4
    case fixed32 = 5
}

/// A field's number and how it is stored.
package struct ProtobufTag: Sendable {
    package var field: Int
    package var wireType: ProtobufWireType

    @inlinable package init(field: Int, wireType: ProtobufWireType) {
        self.field = field
        self.wireType = wireType
    }
}

/// Walks one protobuf message field by field, copying nothing.
///
/// Every length is checked against the end of the message that holds it; offsets in ranges and errors count
/// from the beginning of the whole input, also for nested messages.
package struct ProtobufReader: ~Escapable {
    /// Groups within groups that `skip` follows.
    package static let groupDepthMax = 32

    @usableFromInline let bytes: Span<UInt8>
    /// Where the next byte is read.
    package var offset: Int
    /// Where the message ends.
    package let end: Int

    /// Reads a message that is all of `bytes`.
    @inlinable @_lifetime(copy bytes)
    package init(_ bytes: Span<UInt8>) {
        self.bytes = bytes
        offset = 0
        end = bytes.count
    }

    /// Reads a message nested in `bytes`, as `delimited()` found it.
    @inlinable @_lifetime(copy bytes)
    package init(_ bytes: Span<UInt8>, in range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "range in bounds")
        self.bytes = bytes
        offset = range.lowerBound
        end = range.upperBound
    }

    @inlinable package var isAtEnd: Bool { offset >= end }

    /// The next field's tag; nil at the end of the message.
    @inlinable
    package mutating func tag() throws(WireFormatError) -> ProtobufTag? {
        guard offset < end else { return nil }
        let start = offset
        let key = try varint()
        guard key >> 3 > 0, key >> 3 < 1 << 29 else {
            throw WireFormatError(.invalidFieldNumber, at: start)
        }
        guard let type = ProtobufWireType(rawValue: Int(key & 7)) else {
            throw WireFormatError(.invalidWireType(Int(key & 7)), at: start)
        }
        return ProtobufTag(field: Int(key >> 3), wireType: type)
    }

    @inlinable
    package mutating func varint() throws(WireFormatError) -> UInt64 {
        guard offset < end else { throw WireFormatError(.truncated, at: offset) }
        let first = bytes[offset]
        guard first >= 0x80 else {
            offset += 1
            return UInt64(first)
        }
        return try longVarint()
    }

    @inlinable
    mutating func longVarint() throws(WireFormatError) -> UInt64 {
        let start = offset
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            guard offset < end else { throw WireFormatError(.truncated, at: offset) }
            let byte = bytes[offset]
            offset += 1
            if shift == 63, byte > 1 { throw WireFormatError(.varintTooLong, at: start) }
            value |= UInt64(byte & 0x7f) &<< shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }

    @inlinable
    package mutating func fixed64() throws(WireFormatError) -> UInt64 {
        guard end - offset >= 8 else { throw WireFormatError(.truncated, at: offset) }
        var value: UInt64 = 0
        for index in 0..<8 {
            value |= UInt64(bytes[offset &+ index]) &<< UInt64(8 &* index)
        }
        offset += 8
        return value
    }

    @inlinable
    package mutating func fixed32() throws(WireFormatError) -> UInt32 {
        guard end - offset >= 4 else { throw WireFormatError(.truncated, at: offset) }
        var value: UInt32 = 0
        for index in 0..<4 {
            value |= UInt32(bytes[offset &+ index]) &<< UInt32(8 &* index)
        }
        offset += 4
        return value
    }

    /// Where the bytes of a string, bytes or message field lie; moves behind them.
    @inlinable
    package mutating func delimited() throws(WireFormatError) -> Range<Int> {
        let start = offset
        let length = try varint()
        guard length <= UInt64(end - offset) else { throw WireFormatError(.truncated, at: start) }
        let range = offset..<(offset + Int(length))
        offset = range.upperBound
        return range
    }

    /// Moves behind the value of a field nobody wants.
    package mutating func skip(_ tag: ProtobufTag) throws(WireFormatError) {
        var depth = 0
        var current = tag
        repeat {
            switch current.wireType {
            case .varint: _ = try varint()
            case .fixed64: _ = try fixed64()
            case .fixed32: _ = try fixed32()
            case .delimited: _ = try delimited()
            case .groupStart:
                depth += 1
                guard depth <= Self.groupDepthMax else {
                    throw WireFormatError(.nesting(limit: Self.groupDepthMax), at: offset)
                }
            case .groupEnd:
                guard depth > 0 else { throw WireFormatError(.invalidWireType(4), at: offset) }
                depth -= 1
            }
            guard depth > 0 else { return }
            guard let next = try self.tag() else { throw WireFormatError(.truncated, at: offset) }
            current = next
        } while true
    }
}
