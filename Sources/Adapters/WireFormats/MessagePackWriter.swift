/// Writes MessagePack in the smallest form of each value.
package struct MessagePackWriter: Sendable {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func null() { bytes.append(0xc0) }

    package mutating func bool(_ value: Bool) { bytes.append(value ? 0xc3 : 0xc2) }

    package mutating func integer(_ value: Int64) {
        switch value {
        case 0...0x7f: bytes.append(UInt8(value))
        case -32..<0: bytes.append(UInt8(bitPattern: Int8(value)))
        case 0...0xff: head(0xcc, UInt64(value), 1)
        case 0...0xffff: head(0xcd, UInt64(value), 2)
        case 0...0xffff_ffff: head(0xce, UInt64(value), 4)
        case 0...: head(0xcf, UInt64(value), 8)
        case Int64(Int8.min)...: head(0xd0, UInt64(bitPattern: value), 1)
        case Int64(Int16.min)...: head(0xd1, UInt64(bitPattern: value), 2)
        case Int64(Int32.min)...: head(0xd2, UInt64(bitPattern: value), 4)
        default: head(0xd3, UInt64(bitPattern: value), 8)
        }
    }

    package mutating func unsigned(_ value: UInt64) {
        if let small = Int64(exactly: value) { integer(small) } else { head(0xcf, value, 8) }
    }

    package mutating func number(_ value: Double) { head(0xcb, value.bitPattern, 8) }

    package mutating func string(_ value: String) { string(bytes: Array(value.utf8)) }

    /// A `str` of these bytes, UTF-8 or not.
    package mutating func string(bytes value: [UInt8]) {
        switch value.count {
        case 0...31: bytes.append(0xa0 | UInt8(value.count))
        case 0...0xff: head(0xd9, UInt64(value.count), 1)
        case 0...0xffff: head(0xda, UInt64(value.count), 2)
        default: head(0xdb, length(value.count), 4)
        }
        bytes += value
    }

    package mutating func binary(_ value: [UInt8]) {
        switch value.count {
        case 0...0xff: head(0xc4, UInt64(value.count), 1)
        case 0...0xffff: head(0xc5, UInt64(value.count), 2)
        default: head(0xc6, length(value.count), 4)
        }
        bytes += value
    }

    /// Begins an array; write `count` values after it.
    package mutating func array(_ count: Int) {
        switch count {
        case 0...15: bytes.append(0x90 | UInt8(count))
        case 0...0xffff: head(0xdc, UInt64(count), 2)
        default: head(0xdd, length(count), 4)
        }
    }

    /// Begins a map; write `count` keys and values after it, in turn.
    package mutating func map(_ count: Int) {
        switch count {
        case 0...15: bytes.append(0x80 | UInt8(count))
        case 0...0xffff: head(0xde, UInt64(count), 2)
        default: head(0xdf, length(count), 4)
        }
    }

    package mutating func extended(type: Int8, _ value: [UInt8]) {
        switch value.count {
        case 1: bytes.append(0xd4)
        case 2: bytes.append(0xd5)
        case 4: bytes.append(0xd6)
        case 8: bytes.append(0xd7)
        case 16: bytes.append(0xd8)
        case 0...0xff: head(0xc7, UInt64(value.count), 1)
        case 0...0xffff: head(0xc8, UInt64(value.count), 2)
        default: head(0xc9, length(value.count), 4)
        }
        bytes.append(UInt8(bitPattern: type))
        bytes += value
    }

    /// A value that is encoded already, as it is.
    package mutating func raw(_ encoded: [UInt8]) { bytes += encoded }

    private mutating func head(_ first: UInt8, _ value: UInt64, _ count: Int) {
        bytes.append(first)
        for index in (0..<count).reversed() {
            bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index)))
        }
    }

    private func length(_ count: Int) -> UInt64 {
        precondition(count <= 0xffff_ffff, "MessagePack counts have 32 bits")
        return UInt64(count)
    }
}
