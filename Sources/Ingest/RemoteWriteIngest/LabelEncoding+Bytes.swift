import Model

extension LabelEncoding {
    /// Adds one label given as bytes, UTF-8 or not, in the encoding of `SampleBatch`.
    static func append(name: [UInt8], value: [UInt8], to bytes: inout [UInt8]) {
        var label: [UInt8] = [0x0a]
        appendLength(name.count, to: &label)
        label += name
        label.append(0x12)
        appendLength(value.count, to: &label)
        label += value
        bytes.append(0x0a)
        appendLength(label.count, to: &bytes)
        bytes += label
    }

    /// Adds a length as a varint.
    @inline(__always)
    static func appendLength(_ length: Int, to bytes: inout [UInt8]) {
        var rest = length
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
