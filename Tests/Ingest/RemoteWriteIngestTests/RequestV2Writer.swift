/// Writes `io.prometheus.write.v2.Request` messages for tests, from the published
/// `prompb/io/prometheus/write/v2/types.proto` alone: Debian has no Prometheus that sends 2.0 to compare with.
struct RequestV2Writer {
    struct Sample {
        var timestamp: Int64
        var value: Double
        /// As of release candidate 4.
        var start: Int64 = 0
    }

    struct Metadata {
        var type: UInt64
        var help = ""
        var unit = ""
    }

    private(set) var symbols: [String] = [""]
    private var numbers: [String: UInt64] = ["": 0]
    private var timeseries: [[UInt8]] = []

    mutating func symbol(_ text: String) -> UInt64 {
        if let known = numbers[text] { return known }
        numbers[text] = UInt64(symbols.count)
        symbols.append(text)
        return UInt64(symbols.count - 1)
    }

    mutating func references(_ labels: [(String, String)]) -> [UInt64] {
        labels.flatMap { [symbol($0.0), symbol($0.1)] }
    }

    /// A series in the order of its fields, as Prometheus's encoder writes it.
    mutating func series(
        _ labels: [(String, String)],
        _ samples: [Sample],
        histograms: Int = 0,
        exemplars: Int = 0,
        metadata: Metadata? = nil,
        created: Int64 = 0
    ) {
        let references = references(labels)
        let told = metadata.map { ($0.type, symbol($0.help), symbol($0.unit)) }
        series { series in
            series.packed(1, references)
            for sample in samples { series.sampleV2(sample) }
            for index in 0..<histograms {
                series.field(3) { $0.field(15, varint: UInt64(1000 + index)) }
            }
            for index in 0..<exemplars {
                series.field(4) { $0.field(3, varint: UInt64(1000 + index)) }
            }
            if let told {
                series.field(5) { metadata in
                    metadata.field(1, varint: told.0)
                    metadata.field(3, varint: told.1)
                    metadata.field(4, varint: told.2)
                }
            }
            if created != 0 { series.field(6, varint: UInt64(bitPattern: created)) }
        }
    }

    /// A series of whatever fields.
    mutating func series(_ write: (inout ProtobufWriter) -> Void) {
        var writer = ProtobufWriter()
        write(&writer)
        timeseries.append(writer.bytes)
    }

    /// The message, its strings before its series or behind them.
    func message(symbolsLast: Bool = false) -> [UInt8] {
        var writer = ProtobufWriter()
        if !symbolsLast { for text in symbols { writer.field(4, text: text) } }
        for bytes in timeseries { writer.field(5, bytes: bytes) }
        if symbolsLast { for text in symbols { writer.field(4, text: text) } }
        return writer.bytes
    }
}

extension ProtobufWriter {
    mutating func packed(_ number: Int, _ values: [UInt64]) {
        var inner = ProtobufWriter()
        for value in values { inner.varint(value) }
        field(number, bytes: inner.bytes)
    }

    mutating func sampleV2(_ sample: RequestV2Writer.Sample) {
        field(2) { writer in
            if sample.value.bitPattern != 0 { writer.field(1, fixed64: sample.value.bitPattern) }
            if sample.timestamp != 0 {
                writer.field(2, varint: UInt64(bitPattern: sample.timestamp))
            }
            if sample.start != 0 { writer.field(3, varint: UInt64(bitPattern: sample.start)) }
        }
    }
}
