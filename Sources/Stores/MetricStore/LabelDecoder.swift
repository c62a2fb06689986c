import Model

/// Reads the label bytes of a batch entry into canonical order, and refuses what no series may be called.
///
/// The bytes come from outside as they were sent: truncated, unsorted, doubled or not UTF-8. Only the first
/// sight of an encoding is decoded; after that its hash finds the series.
struct LabelDecoder {
    /// Where one label's name and value lie in the bytes.
    struct Field {
        var name: Range<Int>
        var value: Range<Int>
    }

    private let settings: MetricStoreSettings
    /// The labels of the last decoded entry, sorted by name in byte order, without empty values.
    private(set) var fields: [Field] = []
    /// True when the last decoded entry's bytes are those that `encode` would write.
    private(set) var isCanonical = false

    init(settings: MetricStoreSettings) {
        self.settings = settings
    }

    /// Decodes one entry's labels into `fields`.
    ///
    /// - Parameters:
    ///   - bytes: The label bytes of the batch.
    ///   - range: The entry's part of them.
    /// - Throws: `LabelRefusal` naming the label and the remedy.
    mutating func decode(
        _ bytes: Span<UInt8>,
        in range: Range<Int>
    ) throws(LabelRefusal) {
        fields.removeAll(keepingCapacity: true)
        isCanonical = true
        var canonicalBytes = 0
        var cursor = range.lowerBound
        while cursor < range.upperBound {
            let start = cursor
            guard bytes[cursor] == 0x0a else { throw malformed(at: start, range) }
            cursor += 1
            guard let label = length(bytes, &cursor, end: range.upperBound),
                let field = decodeLabel(bytes, label)
            else { throw malformed(at: start, range) }
            cursor = label.upperBound
            try check(field, bytes)
            guard !field.value.isEmpty else { continue }
            guard fields.count < settings.labelsPerSeriesMax else {
                throw LabelRefusal(
                    cause: .labelLimit,
                    message: "series \(text(bytes)) has more labels than the limit of "
                        + "\(settings.labelsPerSeriesMax); drop labels with a relabel rule"
                )
            }
            if field.name.upperBound > field.value.lowerBound { isCanonical = false }
            canonicalBytes += LabelDecoder.encodedBytes(field)
            fields.append(field)
        }
        try sort(bytes)
        // In order, and nothing in it but what must be: no byte can differ.
        if canonicalBytes != range.count { isCanonical = false }
        guard fields.contains(where: { equals(bytes, $0.name, LabelSet.metricName) }) else {
            throw LabelRefusal(
                cause: .invalidLabels,
                message: "series \(text(bytes)) has no metric name; set the label __name__"
            )
        }
    }

    /// Writes the decoded labels as `LabelEncoding` does: one label set has one such encoding.
    func encode(_ bytes: Span<UInt8>, into encoded: inout [UInt8]) {
        encoded.removeAll(keepingCapacity: true)
        for field in fields {
            encoded.append(0x0a)
            append(LabelDecoder.messageBytes(field), to: &encoded)
            encoded.append(0x0a)
            append(field.name.count, to: &encoded)
            for index in field.name { encoded.append(bytes[index]) }
            encoded.append(0x12)
            append(field.value.count, to: &encoded)
            for index in field.value { encoded.append(bytes[index]) }
        }
    }

    private static func size(_ value: Int) -> Int { value < 0x80 ? 1 : 1 + size(value >> 7) }

    /// Bytes of a label's message.
    private static func messageBytes(_ field: Field) -> Int {
        2 + size(field.name.count) + field.name.count + size(field.value.count)
            + field.value.count
    }

    private static func encodedBytes(_ field: Field) -> Int {
        let message = messageBytes(field)
        return 1 + size(message) + message
    }

    private func append(_ value: Int, to encoded: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            encoded.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        encoded.append(UInt8(rest))
    }

    /// The decoded labels as strings.
    func labelSet(_ bytes: Span<UInt8>) -> LabelSet {
        LabelSet(
            sortedUnique: fields.map { Label(string(bytes, $0.name), string(bytes, $0.value)) }
        )
    }

    /// The decoded labels as PromQL writes them, cut to a length that fits a message.
    func text(_ bytes: Span<UInt8>) -> String {
        let full = LabelSet(fields.map { Label(string(bytes, $0.name), string(bytes, $0.value)) })
            .description
        return full.utf8.count <= 300 ? full : String(full.prefix(250)) + "..."
    }

    // MARK: Reading

    private func length(_ bytes: Span<UInt8>, _ cursor: inout Int, end: Int) -> Range<Int>? {
        guard let count = varint(bytes, &cursor, end: end), count <= UInt64(end - cursor) else {
            return nil
        }
        return cursor..<(cursor + Int(count))
    }

    private func varint(_ bytes: Span<UInt8>, _ cursor: inout Int, end: Int) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: 0 as UInt64, through: 63, by: 7) {
            guard cursor < end else { return nil }
            let byte = bytes[cursor]
            cursor += 1
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return shift == 63 && byte > 1 ? nil : value }
        }
        return nil
    }

    /// One Label message: name is field 1, value field 2, the last of each counts; other fields are skipped.
    private func decodeLabel(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Field? {
        var field = Field(name: range.lowerBound..<range.lowerBound, value: 0..<0)
        var cursor = range.lowerBound
        while cursor < range.upperBound {
            guard let tag = varint(bytes, &cursor, end: range.upperBound) else { return nil }
            switch tag {
            case 0x0a:
                guard let found = length(bytes, &cursor, end: range.upperBound) else { return nil }
                field.name = found
                cursor = found.upperBound
            case 0x12:
                guard let found = length(bytes, &cursor, end: range.upperBound) else { return nil }
                field.value = found
                cursor = found.upperBound
            default:
                guard skip(bytes, &cursor, tag: tag, end: range.upperBound) else { return nil }
            }
        }
        return field
    }

    private func skip(
        _ bytes: Span<UInt8>,
        _ cursor: inout Int,
        tag: UInt64,
        end: Int
    ) -> Bool {
        guard tag >> 3 > 0 else { return false }
        switch tag & 7 {
        case 0: return varint(bytes, &cursor, end: end) != nil
        case 1: cursor += 8
        case 2:
            guard let range = length(bytes, &cursor, end: end) else { return false }
            cursor = range.upperBound
        case 5: cursor += 4
        default: return false
        }
        return cursor <= end
    }

    // MARK: Checking

    private func check(_ field: Field, _ bytes: Span<UInt8>) throws(LabelRefusal) {
        guard !field.name.isEmpty else {
            throw LabelRefusal(
                cause: .invalidLabels,
                message: "a label has an empty name; give it one"
            )
        }
        guard field.name.count <= settings.labelNameBytesMax else {
            throw LabelRefusal(
                cause: .labelLimit,
                message: "a label name has \(field.name.count) bytes (limit "
                    + "\(settings.labelNameBytesMax)); shorten it or drop the label"
            )
        }
        guard isUTF8(bytes, field.name) else {
            throw LabelRefusal(
                cause: .invalidLabels,
                message: "a label name is not valid UTF-8; encode it as UTF-8"
            )
        }
        guard field.value.count <= settings.labelValueBytesMax else {
            throw LabelRefusal(
                cause: .labelLimit,
                message: "the value of label \(LabelSet.quoted(string(bytes, field.name))) has "
                    + "\(field.value.count) bytes (limit \(settings.labelValueBytesMax)); "
                    + "shorten it or drop the label with a relabel rule"
            )
        }
        guard isUTF8(bytes, field.value) else {
            throw LabelRefusal(
                cause: .invalidLabels,
                message: "the value of label \(LabelSet.quoted(string(bytes, field.name))) is not "
                    + "valid UTF-8; encode it as UTF-8"
            )
        }
    }

    private mutating func sort(_ bytes: Span<UInt8>) throws(LabelRefusal) {
        guard fields.count > 1 else { return }
        var isSorted = true
        for index in 1..<fields.count
        where order(bytes, fields[index - 1].name, fields[index].name) >= 0 {
            isSorted = false
        }
        guard !isSorted else { return }
        isCanonical = false
        // `sort(by:)` takes no span, so this orders by merging runs of its own: insertion, as lists are short.
        for index in 1..<fields.count {
            let field = fields[index]
            var place = index
            while place > 0, order(bytes, fields[place - 1].name, field.name) > 0 {
                fields[place] = fields[place - 1]
                place -= 1
            }
            fields[place] = field
        }
        for index in 1..<fields.count
        where order(bytes, fields[index - 1].name, fields[index].name) == 0 {
            throw LabelRefusal(
                cause: .invalidLabels,
                message:
                    "label \(LabelSet.quoted(string(bytes, fields[index].name))) appears twice "
                    + "in \(text(bytes)); send each label once"
            )
        }
    }

    private func malformed(at offset: Int, _ range: Range<Int>) -> LabelRefusal {
        LabelRefusal(
            cause: .invalidLabels,
            message: "label bytes are malformed at byte \(offset - range.lowerBound) of "
                + "\(range.count); send Prometheus Label messages"
        )
    }

    private func isUTF8(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        (try? UTF8Span(validating: bytes.extracting(range))) != nil
    }

    private func string(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String {
        guard let text = try? UTF8Span(validating: bytes.extracting(range)) else { return "" }
        return String(copying: text)
    }

    private func equals(_ bytes: Span<UInt8>, _ range: Range<Int>, _ text: String) -> Bool {
        range.count == text.utf8.count && zip(range, text.utf8).allSatisfy { bytes[$0] == $1 }
    }

    /// Negative, zero or positive as the bytes of `left` sort before, equal to or after those of `right`.
    private func order(_ bytes: Span<UInt8>, _ left: Range<Int>, _ right: Range<Int>) -> Int {
        var offset = 0
        let common = min(left.count, right.count)
        while offset < common {
            let difference =
                Int(bytes[left.lowerBound + offset]) - Int(bytes[right.lowerBound + offset])
            if difference != 0 { return difference }
            offset += 1
        }
        return left.count - right.count
    }
}
