import Ingest
import WireFormats

extension WriteRequestDecoder {
    /// Reads one `MetricMetadata`: type 1, family 2, help 4, unit 5.
    ///
    /// - Returns: Nil for a description of no metric.
    /// - Throws: `WireFormatError` where the message goes wrong.
    static func metadata(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>
    ) throws(WireFormatError) -> WriteRequest.Description? {
        var reader = ProtobufReader(bytes, in: range)
        var family = ""
        var metadata = MetricMetadata(kind: .unknown, help: "", unit: "")
        while let tag = try reader.tag() {
            switch (tag.field, tag.wireType) {
            case (1, .varint): metadata.kind = kind(try reader.varint())
            case (2, .delimited): family = WireText.repaired(bytes, try reader.delimited())
            case (4, .delimited): metadata.help = WireText.repaired(bytes, try reader.delimited())
            case (5, .delimited): metadata.unit = WireText.repaired(bytes, try reader.delimited())
            default: try reader.skip(tag)
            }
        }
        return family.isEmpty
            ? nil : WriteRequest.Description(metric: family, metadata: metadata)
    }

    /// Types as `prometheus.MetricMetadata.MetricType` numbers them.
    static func kind(_ number: UInt64) -> MetricMetadata.Kind {
        switch number {
        case 1: .counter
        case 2: .gauge
        case 3: .histogram
        case 4: .gaugehistogram
        case 5: .summary
        case 6: .info
        case 7: .stateset
        default: .unknown
        }
    }
}
