import Model

/// The one shape that every sender writes: labels, then samples, each in the usual form.
///
/// It is the hot path of remote write, so it neither throws nor builds ranges: whatever is not of that shape,
/// malformed messages among them, is left to the general reader, which names the fault.
enum UsualSeries {
    /// Adds the series in `range` to the batch; false, with the batch as it was, when it has another shape.
    static func append(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        to batch: inout SampleBatch
    ) -> Bool {
        let end = range.upperBound
        var position = range.lowerBound
        while position < end, bytes[position] == 0x0a {
            guard let next = passLabel(bytes, position, end) else { return false }
            position = next
        }
        let labels = range.lowerBound..<position
        let first = batch.timestamps.count
        while position < end {
            guard let next = takeSample(bytes, position, end, &batch) else {
                batch.timestamps.removeLast(batch.timestamps.count - first)
                batch.values.removeLast(batch.values.count - first)
                return false
            }
            position = next
        }
        if batch.timestamps.count > first {
            batch.entries.append(
                SampleBatch.Entry(labels: labels, samples: first..<batch.timestamps.count)
            )
        }
        return true
    }

    /// Passes `0x0a length 0x0a length name 0x12 length value`; nil when it is anything else.
    @inline(__always)
    private static func passLabel(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Int? {
        var position = start + 1
        guard let label = length(bytes, &position, end) else { return nil }
        let labelEnd = position + label
        guard position < labelEnd, bytes[position] == 0x0a else { return nil }
        position += 1
        guard let name = length(bytes, &position, labelEnd) else { return nil }
        position += name
        guard position < labelEnd, bytes[position] == 0x12 else { return nil }
        position += 1
        guard let value = length(bytes, &position, labelEnd), position + value == labelEnd else {
            return nil
        }
        return labelEnd
    }

    /// Takes `0x12 length 0x09 value 0x10 time`, either field possibly left out; nil when it is anything else.
    @inline(__always)
    private static func takeSample(
        _ bytes: Span<UInt8>,
        _ start: Int,
        _ end: Int,
        _ batch: inout SampleBatch
    ) -> Int? {
        guard bytes[start] == 0x12 else { return nil }
        var position = start + 1
        guard let size = length(bytes, &position, end) else { return nil }
        let sampleEnd = position + size
        var bits: UInt64 = 0
        if sampleEnd - position >= 9, bytes[position] == 0x09 {
            for index in 0..<8 { bits |= UInt64(bytes[position + 1 + index]) &<< UInt64(8 * index) }
            position += 9
        }
        var time: UInt64 = 0
        if position < sampleEnd, bytes[position] == 0x10 {
            position += 1
            var shift: UInt64 = 0
            while true {
                guard position < sampleEnd, shift < 63 else { return nil }
                let byte = bytes[position]
                position += 1
                time |= UInt64(byte & 0x7f) &<< shift
                if byte < 0x80 { break }
                shift += 7
            }
        }
        guard position == sampleEnd else { return nil }
        batch.values.append(Double(bitPattern: bits))
        batch.timestamps.append(Int64(bitPattern: time))
        return sampleEnd
    }

    /// A length of at most two bytes that does not pass `end`; moves behind it.
    @inline(__always)
    private static func length(_ bytes: Span<UInt8>, _ position: inout Int, _ end: Int) -> Int? {
        guard position < end else { return nil }
        var length = Int(bytes[position])
        position += 1
        if length >= 0x80 {
            guard position < end, bytes[position] < 0x80 else { return nil }
            length = length & 0x7f | Int(bytes[position]) << 7
            position += 1
        }
        return length <= end - position ? length : nil
    }
}
