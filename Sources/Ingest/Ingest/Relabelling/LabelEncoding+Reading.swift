import Model
import WireFormats

extension LabelEncoding {
    /// The labels of an entry in their order; nil when they cannot be read, are not UTF-8 or repeat a name.
    static func decode(_ bytes: Span<UInt8>, _ range: Range<Int>) -> [Label]? {
        do throws(WireFormatError) {
            var labels: [Label] = []
            var reader = ProtobufReader(bytes, in: range)
            while let tag = try reader.tag() {
                guard tag.field == 1, tag.wireType == .delimited else { return nil }
                guard let label = try label(bytes, try reader.delimited()),
                    !labels.contains(where: { $0.name.hasSameBytes(as: label.name) })
                else { return nil }
                labels.append(label)
            }
            return labels
        } catch {
            return nil
        }
    }

    private static func label(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>
    ) throws(WireFormatError) -> Label? {
        var reader = ProtobufReader(bytes, in: range)
        var label = Label("", "")
        while let tag = try reader.tag() {
            guard tag.wireType == .delimited, tag.field == 1 || tag.field == 2,
                let text = WireText.validated(bytes, try reader.delimited())
            else { return nil }
            if tag.field == 1 { label.name = text } else { label.value = text }
        }
        return label
    }
}
