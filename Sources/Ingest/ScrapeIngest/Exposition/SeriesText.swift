import Model
import WireFormats

/// The labels of a series's text, read once, when the series is new.
enum SeriesText {
    /// - Parameters:
    ///   - page: The page that holds the series.
    ///   - isOpenMetrics: The page's format.
    ///   - range: The series's text, as `ExpositionReader` has found it.
    /// - Returns: The name under `__name__`, then labels in their order, also those with empty values.
    /// - Throws: That a value is not UTF-8.
    static func labels(
        _ page: Span<UInt8>,
        isOpenMetrics: Bool,
        _ range: Range<Int>
    ) throws(ExpositionError) -> [Label] {
        let text = page.extracting(range)
        var reader = ExpositionReader(text, isOpenMetrics: isOpenMetrics)
        var places: [(name: Range<Int>, value: Range<Int>)] = []
        _ = try reader.series { places.append(($0, $1)) }
        var end = 0
        while end < text.count, Byte.isNameStart(text[end]) || text[end] &- 0x30 < 10 { end += 1 }
        var labels = [Label("__name__", WireText.repaired(text, 0..<end))]
        labels.reserveCapacity(places.count + 1)
        for place in places {
            guard let written = WireText.validated(text, place.value) else {
                throw ExpositionError(
                    line: lineNumber(page, range.lowerBound),
                    reason: "the value of label \(WireText.repaired(text, place.name)) is not UTF-8"
                )
            }
            labels.append(Label(WireText.repaired(text, place.name), unescaped(written)))
        }
        return labels
    }

    /// A line's number from 1.
    static func lineNumber(_ page: Span<UInt8>, _ offset: Int) -> Int {
        var line = 1
        for index in 0..<offset where page[index] == Byte.newLine { line += 1 }
        return line
    }

    /// `\\`, `\"` and `\n` replaced; another backslash stays, as in Prometheus.
    static func unescaped(_ text: String) -> String {
        guard text.utf8.contains(Byte.backslash) else { return text }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        var isEscape = false
        for byte in text.utf8 {
            guard isEscape else {
                if byte == Byte.backslash { isEscape = true } else { bytes.append(byte) }
                continue
            }
            isEscape = false
            switch byte {
            case Byte.backslash, Byte.quote: bytes.append(byte)
            case 0x6e: bytes.append(Byte.newLine)
            default: bytes += [Byte.backslash, byte]
            }
        }
        if isEscape { bytes.append(Byte.backslash) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
