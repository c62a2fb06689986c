package import Model
import WireFormats

extension SampleBatch {
    /// `name{label="value"} value @milliseconds`, a marker as `stale`, in the order of the batch.
    package var texts: [String] {
        entries.flatMap { entry in
            let labels = LabelSet(Self.labels(labelBytes.span, entry.labels))
            return entry.samples.map { sample in
                let value = values[sample]
                let text = Staleness.isMarker(value) ? "stale" : value.isNaN ? "nan" : "\(value)"
                return "\(labels) \(text) @\(timestamps[sample])"
            }
        }
    }

    private static func labels(_ bytes: Span<UInt8>, _ range: Range<Int>) -> [Label] {
        var labels: [Label] = []
        var reader = ProtobufReader(bytes, in: range)
        while let tag = try? reader.tag(), tag.field == 1, let range = try? reader.delimited() {
            var label = ProtobufReader(bytes, in: range)
            var parts: [String] = []
            while (try? label.tag()) != nil, let part = try? label.delimited() {
                parts.append(WireText.repaired(bytes, part))
            }
            if parts.count == 2 { labels.append(Label(parts[0], parts[1])) }
        }
        return labels
    }
}
