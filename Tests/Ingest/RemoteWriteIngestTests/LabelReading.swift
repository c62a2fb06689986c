import Model
import WireFormats

extension SampleBatch {
    /// Every series of the batch as text with its samples as timestamps and bits, in order.
    func described() throws -> [String] {
        try entries.map { entry in
            var reader = ProtobufReader(labelBytes.span, in: entry.labels)
            var labels: [String] = []
            while try reader.tag() != nil {
                var label = ProtobufReader(labelBytes.span, in: try reader.delimited())
                _ = try label.tag()
                let name = WireText.repaired(labelBytes.span, try label.delimited())
                _ = try label.tag()
                labels.append(
                    "\(name)=\(WireText.repaired(labelBytes.span, try label.delimited()))"
                )
            }
            let samples = entry.samples.map {
                "\(timestamps[$0]):\(String(values[$0].bitPattern, radix: 16))"
            }
            return "{\(labels.joined(separator: ","))} \(samples.joined(separator: " "))"
        }
    }
}
