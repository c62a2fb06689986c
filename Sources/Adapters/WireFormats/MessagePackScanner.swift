/// Finds where one MessagePack value ends in bytes that arrive piece by piece.
///
/// It keeps its place, so a message that comes in many pieces is looked at once, not once a piece.
package struct MessagePackScanner: Sendable {
    /// Bytes from the beginning of the value that have been passed; may point past the bytes at hand.
    private var position = 0
    /// Values still to be passed before the whole value is.
    private var pending = 1

    package init() {}

    /// Bytes of the value that were already passed, within the bytes at hand or beyond them.
    package var scanned: Int { position }

    /// The caller has thrown away that many bytes from the front of the value, all of them scanned.
    package mutating func forget(_ count: Int) {
        precondition(0...position ~= count, "only scanned bytes are forgotten")
        position -= count
    }

    /// Goes on through `bytes`, which begin where the value begins and hold all that has arrived of it.
    ///
    /// - Returns: The length of the value when it is whole, after which the scanner starts afresh; nil when more
    ///   bytes are needed.
    /// - Throws: `invalidByte` for 0xc1; offsets count from the beginning of the value.
    package mutating func advance(over bytes: Span<UInt8>) throws(WireFormatError) -> Int? {
        while pending > 0 {
            guard position < bytes.count else { return nil }
            let byte = bytes[position]
            guard byte != 0xc1 else { throw WireFormatError(.invalidByte(byte), at: position) }
            let shape = MessagePackShape(byte)
            guard position + 1 + shape.lengthBytes <= bytes.count else { return nil }
            var length = 0
            for index in 0..<shape.lengthBytes {
                length = length << 8 | Int(bytes[position + 1 + index])
            }
            pending -= 1
            // Counts are at most 2^32 and payloads too, and each costs a byte: the sums cannot overflow 63 bits.
            pending += shape.values + length * shape.valuesPerLength
            position += 1 + shape.lengthBytes + shape.payload + length * shape.payloadPerLength
        }
        guard position <= bytes.count else { return nil }
        defer { self = MessagePackScanner() }
        return position
    }
}

/// What follows a first byte: how many length bytes, how many payload bytes, how many values.
private struct MessagePackShape {
    var lengthBytes = 0
    var payload = 0
    var payloadPerLength = 0
    var values = 0
    var valuesPerLength = 0

    init(_ byte: UInt8) {
        switch byte {
        case 0x80...0x8f: values = 2 * Int(byte & 0x0f)
        case 0x90...0x9f: values = Int(byte & 0x0f)
        case 0xa0...0xbf: payload = Int(byte & 0x1f)
        case 0xc4, 0xc5, 0xc6:
            lengthBytes = 1 << Int(byte - 0xc4)
            payloadPerLength = 1
        case 0xc7, 0xc8, 0xc9:
            lengthBytes = 1 << Int(byte - 0xc7)
            payload = 1
            payloadPerLength = 1
        case 0xca, 0xce, 0xd2: payload = 4
        case 0xcb, 0xcf, 0xd3: payload = 8
        case 0xcc, 0xd0: payload = 1
        case 0xcd, 0xd1: payload = 2
        case 0xd4...0xd8: payload = 1 + 1 << Int(byte - 0xd4)
        case 0xd9, 0xda, 0xdb:
            lengthBytes = 1 << Int(byte - 0xd9)
            payloadPerLength = 1
        case 0xdc, 0xdd:
            lengthBytes = 2 << Int(byte - 0xdc)
            valuesPerLength = 1
        case 0xde, 0xdf:
            lengthBytes = 2 << Int(byte - 0xde)
            valuesPerLength = 2
        default: break
        }
    }
}
