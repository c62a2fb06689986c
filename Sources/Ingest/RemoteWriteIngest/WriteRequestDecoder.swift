import Model
package import WireFormats

/// Reads Prometheus's `WriteRequest` message (remote write 1.0) into the columns of a batch.
///
/// The decoded body becomes the batch's label bytes as it is and entries point into it: no label is copied and
/// no string built. A series whose labels do not stand together in the usual form (samples before labels, value
/// before name, unknown fields) is legal protobuf; its labels are written anew behind the body.
///
/// - Source: prometheus/prompb `remote.proto` and `types.proto`.
package enum WriteRequestDecoder {
    /// Decodes a whole message.
    ///
    /// - Parameter message: The message, uncompressed.
    /// - Returns: The batch, series without samples left out.
    /// - Throws: `WireFormatError` with the byte where the message goes wrong; nothing is kept then.
    package static func decode(
        _ message: consuming [UInt8]
    ) throws(WireFormatError) -> WriteRequest {
        var body = message
        var request = WriteRequest()
        // A series takes about 100 bytes and more; growing from here costs little.
        let guess = body.count / 128 + 1
        request.batch.entries.reserveCapacity(guess)
        request.batch.timestamps.reserveCapacity(guess)
        request.batch.values.reserveCapacity(guess)
        var rewritten: [UInt8] = []
        try read(body.span, &request, &rewritten)
        // Moved, not copied: nothing else holds the body.
        swap(&request.batch.labelBytes, &body)
        if !rewritten.isEmpty { request.batch.labelBytes += rewritten }
        return request
    }

    private static func read(
        _ bytes: Span<UInt8>,
        _ request: inout WriteRequest,
        _ rewritten: inout [UInt8]
    ) throws(WireFormatError) {
        var reader = ProtobufReader(bytes)
        while let tag = try reader.tag() {
            switch tag.field {
            case 1:
                try ProtobufTag.expect(.delimited, tag, reader.offset)
                try series(bytes, try reader.delimited(), &request, &rewritten)
            case 3:
                try ProtobufTag.expect(.delimited, tag, reader.offset)
                if let description = try metadata(bytes, try reader.delimited()) {
                    request.descriptions.append(description)
                }
            default: try reader.skip(tag)
            }
        }
    }

    /// Reads one `TimeSeries`.
    private static func series(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        _ request: inout WriteRequest,
        _ rewritten: inout [UInt8]
    ) throws(WireFormatError) {
        if UsualSeries.append(bytes, range, to: &request.batch) { return }
        var reader = ProtobufReader(bytes, in: range)
        let firstSample = request.batch.timestamps.count
        var labels = range.lowerBound..<range.lowerBound
        var isPlain = true
        while true {
            let start = reader.offset
            guard let tag = try reader.tag() else { break }
            switch tag.field {
            case 1:
                try ProtobufTag.expect(.delimited, tag, reader.offset)
                let label = try reader.delimited()
                // Labels stand together in front, each tag in one byte and each message in the usual form.
                if bytes[start] != 0x0a || start != labels.upperBound { isPlain = false }
                if try !isUsualLabel(bytes, label) { isPlain = false }
                labels = labels.lowerBound..<label.upperBound
            case 2:
                try ProtobufTag.expect(.delimited, tag, reader.offset)
                try sample(bytes, try reader.delimited(), &request.batch)
            case 3:
                try ProtobufTag.expect(.delimited, tag, reader.offset)
                _ = try reader.delimited()
                request.exemplars += 1
            case 4:
                try ProtobufTag.expect(.delimited, tag, reader.offset)
                _ = try reader.delimited()
                request.histograms += 1
            default: try reader.skip(tag)
            }
        }
        let samples = firstSample..<request.batch.timestamps.count
        guard !samples.isEmpty else { return }
        if !isPlain { labels = try rewriteLabels(bytes, range, &rewritten) }
        request.batch.entries.append(SampleBatch.Entry(labels: labels, samples: samples))
    }

    /// Reads one `Sample`: field 1 a double, field 2 milliseconds; either is 0 when it is left out.
    private static func sample(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        _ batch: inout SampleBatch
    ) throws(WireFormatError) {
        var reader = ProtobufReader(bytes, in: range)
        var value: UInt64 = 0
        var timestamp: UInt64 = 0
        while let tag = try reader.tag() {
            switch tag.field {
            case 1:
                try ProtobufTag.expect(.fixed64, tag, reader.offset)
                value = try reader.fixed64()
            case 2:
                try ProtobufTag.expect(.varint, tag, reader.offset)
                timestamp = try reader.varint()
            default: try reader.skip(tag)
            }
        }
        // Bits, not a number: a staleness marker is a NaN that arithmetic would change.
        batch.values.append(Double(bitPattern: value))
        batch.timestamps.append(Int64(bitPattern: timestamp))
    }

    /// Whether a `Label` is `0x0a length name 0x12 length value` and nothing else; throws when it is no label.
    private static func isUsualLabel(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>
    ) throws(WireFormatError) -> Bool {
        var reader = ProtobufReader(bytes, in: range)
        if range.count >= 4, bytes[range.lowerBound] == 0x0a {
            reader.offset += 1
            let name = try reader.delimited()
            if reader.offset < range.upperBound, bytes[name.upperBound] == 0x12 {
                reader.offset += 1
                if try reader.delimited().upperBound == range.upperBound { return true }
            }
        }
        _ = try label(bytes, range)
        return false
    }

    /// Reads one `Label` in whatever form.
    private static func label(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>
    ) throws(WireFormatError) -> (name: Range<Int>, value: Range<Int>) {
        var reader = ProtobufReader(bytes, in: range)
        let nothing = range.lowerBound..<range.lowerBound
        var found = (name: nothing, value: nothing)
        while let tag = try reader.tag() {
            switch tag.field {
            case 1:
                try ProtobufTag.expect(.delimited, tag, reader.offset)
                found.name = try reader.delimited()
            case 2:
                try ProtobufTag.expect(.delimited, tag, reader.offset)
                found.value = try reader.delimited()
            default: try reader.skip(tag)
            }
        }
        return found
    }

    /// Writes a series's labels in the usual form; returns where they will lie behind the body.
    private static func rewriteLabels(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        _ rewritten: inout [UInt8]
    ) throws(WireFormatError) -> Range<Int> {
        var reader = ProtobufReader(bytes, in: range)
        let start = bytes.count + rewritten.count
        while let tag = try reader.tag() {
            guard tag.field == 1 else {
                try reader.skip(tag)
                continue
            }
            let (name, value) = try label(bytes, try reader.delimited())
            LabelEncoding.append(
                name: WireText.copy(bytes, name),
                value: WireText.copy(bytes, value),
                to: &rewritten
            )
        }
        return start..<(bytes.count + rewritten.count)
    }
}

extension ProtobufTag {
    /// Checks that a known field is stored as its message says.
    @inline(__always)
    static func expect(
        _ wireType: ProtobufWireType,
        _ tag: ProtobufTag,
        _ offset: Int
    ) throws(WireFormatError) {
        guard tag.wireType == wireType else {
            throw WireFormatError(.unexpectedWireType(field: tag.field), at: offset)
        }
    }
}
