extension LabelEncoding {
    /// Finds the metric name in one series' label bytes without building labels.
    ///
    /// - Parameters:
    ///   - bytes: Label bytes as they came from outside: they may be cut short, unsorted or malformed.
    ///   - range: The series' part of them.
    /// - Returns: Where the value of `__name__` lies; nil when there is none, or the bytes before it are malformed.
    /// - Complexity: O(1) for senders that put the name first, as Prometheus does.
    package static func metricName(
        in bytes: Span<UInt8>,
        range: Range<Int>
    ) -> Range<Int>? {
        var cursor = range.lowerBound
        while cursor < range.upperBound {
            guard let label = field(0x0a, bytes, &cursor, end: range.upperBound) else { return nil }
            var inner = label.lowerBound
            guard let name = field(0x0a, bytes, &inner, end: label.upperBound) else { return nil }
            guard isMetricName(bytes, name) else { continue }
            return field(0x12, bytes, &inner, end: label.upperBound)
        }
        return nil
    }

    /// The extent of a length-delimited field with this tag at the cursor, which moves behind it.
    private static func field(
        _ tag: UInt8,
        _ bytes: Span<UInt8>,
        _ cursor: inout Int,
        end: Int
    ) -> Range<Int>? {
        guard cursor < end, bytes[cursor] == tag else { return nil }
        cursor += 1
        var length = 0
        // Four bytes of a varint reach 256 MiB, more than any batch.
        for shift in stride(from: 0, through: 21, by: 7) {
            guard cursor < end else { return nil }
            let byte = bytes[cursor]
            cursor += 1
            length |= Int(byte & 0x7f) << shift
            guard byte & 0x80 == 0 else { continue }
            guard length <= end - cursor else { return nil }
            defer { cursor += length }
            return cursor..<(cursor + length)
        }
        return nil
    }

    private static func isMetricName(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard range.count == LabelSet.metricName.utf8.count else { return false }
        var place = range.lowerBound
        for byte in LabelSet.metricName.utf8 {
            guard bytes[place] == byte else { return false }
            place += 1
        }
        return true
    }
}

extension SampleBatch {
    /// The names of the batch's metrics; series whose label bytes are malformed are passed over.
    ///
    /// - Complexity: O(*n*) in the number of series; a string is built only where the name differs from that
    ///   of the series before.
    package var metricNames: Set<String> {
        var names: Set<String> = []
        var last: Range<Int>?
        let bytes = labelBytes.span
        for entry in entries {
            guard entry.labels.lowerBound >= 0, entry.labels.upperBound <= bytes.count,
                let name = LabelEncoding.metricName(in: bytes, range: entry.labels)
            else { continue }
            if let last, SampleBatch.isEqual(bytes, last, name) { continue }
            last = name
            names.insert(String(decoding: labelBytes[name], as: UTF8.self))
        }
        return names
    }

    private static func isEqual(
        _ bytes: Span<UInt8>,
        _ left: Range<Int>,
        _ right: Range<Int>
    ) -> Bool {
        guard left.count == right.count else { return false }
        for offset in 0..<left.count
        where bytes[left.lowerBound + offset] != bytes[right.lowerBound + offset] {
            return false
        }
        return true
    }
}
