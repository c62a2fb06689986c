import Buffers
import Ingest
import Model
package import WireFormats

/// Why a request of remote write 2.0 cannot be used at all.
package enum WriteRequestV2Error: Error, Hashable, Sendable, CustomStringConvertible {
    case malformed(WireFormatError)
    /// Its labels, written out, take more than so many bytes.
    case labelsTooLarge(limit: Int)

    package var description: String {
        switch self {
        case .malformed(let error): "\(error)"
        case .labelsTooLarge(let limit): "its labels take more than \(limit) bytes written out"
        }
    }
}

/// Reads Prometheus's `io.prometheus.write.v2.Request` message (remote write 2.0) into the columns of a batch.
///
/// Strings are in one table, to which labels refer by number: the table is walked once for the request, and a series'
/// labels are copied from it to the batch's label bytes, so that no string is built. Start timestamps are read where
/// release candidate 4 of the specification has them, with each sample, and where those before it had them
/// (`created_timestamp` of a series). Exemplars and native histograms are counted and not kept.
///
/// A series whose labels refer to nothing, or that holds neither samples nor histograms, is left out and told of in
/// `WriteRequest.faults`; the others are good.
///
/// - Source: prometheus/prompb `io/prometheus/write/v2/types.proto`.
package enum WriteRequestV2Decoder {
    /// Decodes a whole message.
    ///
    /// - Parameters:
    ///   - message: The message, uncompressed.
    ///   - labelBytesMax: What the labels of all series may take, each written out: a few references make much of
    ///     a long string.
    /// - Returns: The batch, series without samples left out.
    /// - Throws: `WriteRequestV2Error`; nothing is kept then.
    package static func decode(
        _ message: [UInt8],
        labelBytesMax: Int
    ) throws(WriteRequestV2Error) -> WriteRequest {
        var reading = Reading(labelBytesMax: labelBytesMax)
        do throws(WireFormatError) {
            // Symbols come first, but protobuf does not say that they must.
            try reading.symbols.read(message.span)
            reading.reserve(message.count)
            try reading.readSeries(message.span)
        } catch { throw .malformed(error) }
        guard !reading.isOverLimit else { throw .labelsTooLarge(limit: labelBytesMax) }
        reading.request.batch.completeStarts()
        return reading.request
    }
}

/// The table of strings.
private struct SymbolTable {
    /// Where a string lies.
    struct Symbol {
        /// The first byte of its length, which lies before it.
        var start: Int
        var text: Range<Int>

        /// Length and text.
        var whole: Range<Int> { start..<text.upperBound }
    }

    private(set) var symbols: [Symbol] = []
    /// The number of `__name__`; -1 when there is none.
    private(set) var metricName = -1

    var count: Int { symbols.count }

    @inline(__always)
    subscript(number: Int) -> Symbol { symbols[number] }

    /// Finds the strings of a message.
    mutating func read(_ bytes: Span<UInt8>) throws(WireFormatError) {
        var reader = ProtobufReader(bytes)
        while let tag = try reader.tag() {
            guard tag.field == 4 else {
                try reader.skip(tag)
                continue
            }
            try ProtobufTag.expect(.delimited, tag, reader.offset)
            let start = reader.offset
            let text = try reader.delimited()
            if metricName < 0, text.count == LabelSet.metricName.utf8.count,
                WireText.validated(bytes, text) == LabelSet.metricName
            {
                metricName = symbols.count
            }
            symbols.append(Symbol(start: start, text: text))
        }
    }
}

/// A message being read.
private struct Reading {
    /// What a series says of its metric, by numbers of strings.
    private struct Told: Hashable {
        var metric: Int
        var kind: UInt64
        var help: Int
        var unit: Int
    }

    var symbols = SymbolTable()
    var request = WriteRequest()
    /// True when labels took more room than they may.
    private(set) var isOverLimit = false
    private let labelBytesMax: Int
    private var lastTold: Told?
    private var told: Set<Told> = []

    init(labelBytesMax: Int) { self.labelBytesMax = labelBytesMax }

    /// Makes room for what a message of so many bytes holds, about.
    mutating func reserve(_ byteCount: Int) {
        // A series takes about 30 bytes and more, and its labels five times that; growing from here costs little.
        let guess = byteCount / 64 + 1
        request.batch.entries.reserveCapacity(guess)
        request.batch.timestamps.reserveCapacity(guess)
        request.batch.values.reserveCapacity(guess)
        request.batch.labelBytes.reserveCapacity(min(2 * byteCount, labelBytesMax))
    }

    mutating func readSeries(_ bytes: Span<UInt8>) throws(WireFormatError) {
        var reader = ProtobufReader(bytes)
        while !isOverLimit, let tag = try reader.tag() {
            guard tag.field == 5 else {
                try reader.skip(tag)
                continue
            }
            try ProtobufTag.expect(.delimited, tag, reader.offset)
            try series(bytes, try reader.delimited())
        }
    }

    /// The labels of a series on their way from references to bytes.
    private struct Labels {
        /// The name whose value is still to come; -1: none.
        var name = -1
        /// The string that is the metric's name; -1: none.
        var metric = -1
        var fault: String?
    }

    /// Reads one `TimeSeries`.
    private mutating func series(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>
    ) throws(WireFormatError) {
        var reader = ProtobufReader(bytes, in: range)
        let firstSample = request.batch.timestamps.count
        let firstLabel = request.batch.labelBytes.count
        var labels = Labels()
        var histograms = 0
        var created: Int64 = 0
        var metadata: Range<Int>?
        while let tag = try reader.tag() {
            switch tag.field {
            case 1 where tag.wireType == .delimited:
                var packed = ProtobufReader(bytes, in: try reader.delimited())
                while !packed.isAtEnd { append(try packed.varint(), bytes, &labels) }
            case 1:
                try ProtobufTag.expect(.varint, tag, reader.offset)
                append(try reader.varint(), bytes, &labels)
            case 2:
                try ProtobufTag.expect(.delimited, tag, reader.offset)
                try sample(bytes, try reader.delimited())
            case 3:
                try ProtobufTag.expect(.delimited, tag, reader.offset)
                _ = try reader.delimited()
                histograms += 1
            case 4:
                try ProtobufTag.expect(.delimited, tag, reader.offset)
                _ = try reader.delimited()
                request.exemplars += 1
            case 5:
                try ProtobufTag.expect(.delimited, tag, reader.offset)
                metadata = try reader.delimited()
            case 6:
                try ProtobufTag.expect(.varint, tag, reader.offset)
                created = Int64(bitPattern: try reader.varint())
            default: try reader.skip(tag)
            }
        }
        request.histograms += histograms
        let samples = firstSample..<request.batch.timestamps.count
        if labels.name >= 0 { labels.fault = labels.fault ?? "a label has a name and no value" }
        if samples.isEmpty, histograms == 0 {
            labels.fault = labels.fault ?? "a series has neither samples nor histograms"
        }
        if let fault = labels.fault {
            drop(samples, labelsFrom: firstLabel, fault, at: range.lowerBound)
            return
        }
        if let metadata { try note(bytes, metadata, metric: labels.metric) }
        guard !samples.isEmpty else {
            request.batch.labelBytes.removeLast(request.batch.labelBytes.count - firstLabel)
            return
        }
        if created != 0 { fill(samples, created) }
        request.batch.entries.append(
            SampleBatch.Entry(
                labels: firstLabel..<request.batch.labelBytes.count,
                samples: samples
            )
        )
    }

    /// Takes a reference to a string: a label's name, or the value of the name before it.
    @inline(__always)
    private mutating func append(_ number: UInt64, _ bytes: Span<UInt8>, _ labels: inout Labels) {
        guard number < UInt64(symbols.count) else {
            if labels.fault == nil {
                labels.fault = "a label refers to string \(number) of \(symbols.count)"
            }
            return
        }
        let value = Int(number)
        guard labels.name >= 0 else {
            labels.name = value
            return
        }
        let (first, second) = (symbols[labels.name].whole, symbols[value].whole)
        let length = 2 + first.count + second.count
        guard request.batch.labelBytes.count + length + 6 <= labelBytesMax else {
            isOverLimit = true
            return
        }
        if labels.name == symbols.metricName { labels.metric = value }
        labels.name = -1
        request.batch.labelBytes.append(0x0a)
        LabelEncoding.appendLength(length, to: &request.batch.labelBytes)
        request.batch.labelBytes.append(0x0a)
        request.batch.labelBytes.append(copying: bytes.extracting(first))
        request.batch.labelBytes.append(0x12)
        request.batch.labelBytes.append(copying: bytes.extracting(second))
    }

    /// Reads one `Sample`: field 1 a double, 2 milliseconds, 3 its start timestamp; each is 0 when it is left out.
    @inline(__always)
    private mutating func sample(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>
    ) throws(WireFormatError) {
        var reader = ProtobufReader(bytes, in: range)
        var value: UInt64 = 0
        var timestamp: UInt64 = 0
        var start: UInt64 = 0
        while let tag = try reader.tag() {
            switch tag.field {
            case 1:
                try ProtobufTag.expect(.fixed64, tag, reader.offset)
                value = try reader.fixed64()
            case 2:
                try ProtobufTag.expect(.varint, tag, reader.offset)
                timestamp = try reader.varint()
            case 3:
                try ProtobufTag.expect(.varint, tag, reader.offset)
                start = try reader.varint()
            default: try reader.skip(tag)
            }
        }
        if start != 0 {
            fillGap()
            request.batch.starts.append(Int64(bitPattern: start))
        }
        // Bits, not a number: a staleness marker is a NaN that arithmetic would change.
        request.batch.values.append(Double(bitPattern: value))
        request.batch.timestamps.append(Int64(bitPattern: timestamp))
    }

    /// Gives the samples so far that have no start timestamp a zero for one.
    @inline(__always)
    private mutating func fillGap() {
        let missing = request.batch.timestamps.count - request.batch.starts.count
        if missing > 0 { request.batch.starts += repeatElement(0, count: missing) }
    }

    /// Gives samples without a start timestamp that of their series.
    private mutating func fill(_ samples: Range<Int>, _ created: Int64) {
        fillGap()
        for index in samples where request.batch.starts[index] == 0 {
            request.batch.starts[index] = created
        }
    }

    /// Takes back a series that cannot be used.
    private mutating func drop(
        _ samples: Range<Int>,
        labelsFrom firstLabel: Int,
        _ fault: String,
        at offset: Int
    ) {
        request.faults.series += 1
        request.faults.samples += samples.count
        if request.faults.first == nil { request.faults.first = "\(fault) (at byte \(offset))" }
        request.batch.labelBytes.removeLast(request.batch.labelBytes.count - firstLabel)
        request.batch.timestamps.removeLast(samples.count)
        request.batch.values.removeLast(samples.count)
        let extra = request.batch.starts.count - samples.lowerBound
        if extra > 0 { request.batch.starts.removeLast(extra) }
    }

    // MARK: Metadata

    /// Reads one `Metadata`: type 1, help 3, unit 4; the same of the same metric is noted once.
    private mutating func note(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        metric: Int
    ) throws(WireFormatError) {
        var reader = ProtobufReader(bytes, in: range)
        var one = Told(metric: metric, kind: 0, help: 0, unit: 0)
        while let tag = try reader.tag() {
            switch (tag.field, tag.wireType) {
            case (1, .varint): one.kind = try reader.varint()
            case (3, .varint): one.help = symbol(try reader.varint())
            case (4, .varint): one.unit = symbol(try reader.varint())
            default: try reader.skip(tag)
            }
        }
        guard metric >= 0, one != lastTold else { return }
        lastTold = one
        let saysSomething = one.kind != 0 || !text(one.help).isEmpty || !text(one.unit).isEmpty
        guard saysSomething, told.insert(one).inserted else { return }
        let kind = WriteRequestDecoder.kind(one.kind)
        let name = WireText.repaired(bytes, text(metric))
        request.descriptions.append(
            WriteRequest.Description(
                metric: kind.family(of: name),
                metadata: MetricMetadata(
                    kind: kind,
                    help: WireText.repaired(bytes, text(one.help)),
                    unit: WireText.repaired(bytes, text(one.unit))
                )
            )
        )
    }

    /// A reference that may point to nothing, which then is the empty string.
    private func symbol(_ number: UInt64) -> Int {
        number < UInt64(symbols.count) ? Int(number) : 0
    }

    private func text(_ number: Int) -> Range<Int> {
        number < symbols.count ? symbols[number].text : 0..<0
    }
}

extension MetricMetadata.Kind {
    /// The metric whose series are named like this: those of histograms and summaries have endings.
    fileprivate func family(of name: String) -> String {
        let endings: [String]
        switch self {
        case .histogram, .gaugehistogram: endings = ["_bucket", "_count", "_sum"]
        case .summary: endings = ["_count", "_sum"]
        case .unknown, .counter, .gauge, .info, .stateset: return name
        }
        guard let ending = endings.first(where: name.hasSuffix), name.count > ending.count else {
            return name
        }
        return String(name.dropLast(ending.count))
    }
}
