import Model

/// Writes protobuf for tests.
struct ProtobufWriter {
    private(set) var bytes: [UInt8] = []

    mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func field(_ number: Int, varint value: UInt64) {
        varint(UInt64(number) << 3)
        varint(value)
    }

    mutating func field(_ number: Int, fixed64 value: UInt64) {
        varint(UInt64(number) << 3 | 1)
        for index in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
    }

    mutating func field(_ number: Int, bytes value: [UInt8]) {
        varint(UInt64(number) << 3 | 2)
        varint(UInt64(value.count))
        bytes += value
    }

    mutating func field(_ number: Int, text: String) { field(number, bytes: Array(text.utf8)) }

    mutating func field(_ number: Int, message: (inout ProtobufWriter) -> Void) {
        var inner = ProtobufWriter()
        message(&inner)
        field(number, bytes: inner.bytes)
    }

    mutating func label(_ name: String, _ value: String) {
        field(1) { label in
            label.field(1, text: name)
            label.field(2, text: value)
        }
    }

    /// As Prometheus's own encoder does it: zero values are left out.
    mutating func sample(_ timestamp: Int64, _ value: Double) {
        field(2) { sample in
            if value.bitPattern != 0 { sample.field(1, fixed64: value.bitPattern) }
            if timestamp != 0 { sample.field(2, varint: UInt64(bitPattern: timestamp)) }
        }
    }

    mutating func series(_ labels: [(String, String)], _ samples: [(Int64, Double)]) {
        field(1) { series in
            for (name, value) in labels { series.label(name, value) }
            for (timestamp, value) in samples { series.sample(timestamp, value) }
        }
    }
}
