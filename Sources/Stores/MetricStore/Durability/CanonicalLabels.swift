/// Finds the labels in canonical label bytes that were checked when they were written.
struct CanonicalLabels {
    private(set) var fields: [LabelDecoder.Field] = []

    /// Finds the fields of `bytes`; false when they are not of the canonical form.
    mutating func read(_ bytes: UnsafeRawBufferPointer) -> Bool {
        fields.removeAll(keepingCapacity: true)
        var cursor = 0
        while cursor < bytes.count {
            guard let label = unsafe delimited(bytes, 0x0a, &cursor, bytes.count) else {
                return false
            }
            var inner = label.lowerBound
            guard let name = unsafe delimited(bytes, 0x0a, &inner, label.upperBound) else {
                return false
            }
            inner = name.upperBound
            guard let value = unsafe delimited(bytes, 0x12, &inner, label.upperBound),
                value.upperBound == label.upperBound, !name.isEmpty, !value.isEmpty
            else { return false }
            fields.append(LabelDecoder.Field(name: name, value: value))
            cursor = label.upperBound
        }
        return !fields.isEmpty && fields.count <= 255
    }

    /// Passes a tag and a length of at most three bytes; what lies between there and the end it gives.
    @inline(__always)
    private func delimited(
        _ bytes: UnsafeRawBufferPointer,
        _ tag: UInt8,
        _ cursor: inout Int,
        _ end: Int
    ) -> Range<Int>? {
        guard cursor < end, unsafe bytes[cursor] == tag else { return nil }
        cursor += 1
        var length = 0
        var shift = 0
        while true {
            guard cursor < end, shift < 21 else { return nil }
            let byte = unsafe bytes[cursor]
            cursor += 1
            length |= Int(byte & 0x7f) << shift
            if byte < 0x80 { break }
            shift += 7
        }
        return length <= end - cursor ? cursor..<(cursor + length) : nil
    }
}
