import Buffers
import WireFormats

/// Field names of a request's documents, made once.
///
/// Documents of one request have mostly the same names in the same places, so a name is first compared with the
/// one that stood at its place in the document before, and only looked up when it differs.
struct FieldNameCache {
    /// Longer names, and those over the limit of names, are made each time.
    private static let nameBytesMax = 128
    private static let namesMax = 4096
    private static let placesMax = 1024

    private var texts: [String] = []
    private var bytes: [[UInt8]] = []
    private var numbers: [String: Int] = [:]
    private var predicted: [Int] = []

    /// The name in a range that holds no escapes.
    mutating func text(_ source: Span<UInt8>, _ range: Range<Int>, at place: Int) -> String {
        if place < predicted.count {
            let guess = predicted[place]
            if guess >= 0 {
                let known = bytes[guess]
                if source.equals(range, known.span) { return texts[guess] }
            }
        }
        let text = WireText.repaired(source, range)
        guard range.count <= Self.nameBytesMax else { return text }
        let number: Int
        if let known = numbers[text] {
            number = known
        } else {
            guard texts.count < Self.namesMax else { return text }
            number = texts.count
            numbers[text] = number
            texts.append(text)
            bytes.append(WireText.copy(source, range))
        }
        while predicted.count <= place, predicted.count < Self.placesMax { predicted.append(-1) }
        if place < predicted.count { predicted[place] = number }
        return text
    }
}
