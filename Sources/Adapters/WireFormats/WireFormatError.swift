/// Why bytes from outside could not be read, and where.
package struct WireFormatError: Error, Hashable, Sendable {
    package enum Reason: Hashable, Sendable {
        /// The bytes end inside a value, or a length reaches past the end of what holds it.
        case truncated
        /// More than ten bytes, or more than 64 bits.
        case varintTooLong
        /// A protobuf field number of 0 or over 2^29 - 1.
        case invalidFieldNumber
        /// A protobuf wire type of 6 or 7, or a group end without its start.
        case invalidWireType(Int)
        /// A known protobuf field of another wire type than its message says.
        case unexpectedWireType(field: Int)
        /// A byte that begins no MessagePack value (0xc1).
        case invalidByte(UInt8)
        /// Another kind of value than the protocol wants; says which.
        case expected(String)
        /// Containers nested deeper than the reader allows.
        case nesting(limit: Int)
        /// Text that is not UTF-8, or an escaped half of a surrogate pair.
        case invalidText
        /// Something after the end of the one value.
        case trailingBytes
    }

    package let reason: Reason
    /// Bytes before the fault, from the beginning of the input.
    package let offset: Int

    @inlinable package init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }
}

extension WireFormatError: CustomStringConvertible {
    package var description: String { "\(reason) at byte \(offset)" }
}

extension WireFormatError.Reason: CustomStringConvertible {
    /// The fault in words, without its place.
    package var description: String {
        switch self {
        case .truncated: "truncated"
        case .varintTooLong: "varint of more than 64 bits"
        case .invalidFieldNumber: "invalid field number"
        case .invalidWireType(let type): "invalid wire type \(type)"
        case .unexpectedWireType(let field): "field \(field) has the wrong wire type"
        case .invalidByte(let byte): "byte 0x\(String(byte, radix: 16)) begins no value"
        case .expected(let wanted): "expected \(wanted)"
        case .nesting(let limit): "nested deeper than \(limit) levels"
        case .invalidText: "text is not valid UTF-8"
        case .trailingBytes: "something follows the value"
        }
    }
}
