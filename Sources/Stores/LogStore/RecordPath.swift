/// A dotted path, taken apart once for a search.
///
/// `a.b.c` is a field of that name, or `b.c` in an object `a`, or `c` in an object `a.b`, and so on inwards.
struct RecordPath: Sendable {
    /// A field name, with its number in the name table when it has one.
    struct Name: Sendable {
        var text: String
        var number: Int?
    }

    /// Parts between dots; what lies past the limit stays in one piece, as no record nests so deep.
    let partCount: Int
    /// Names by first part, then by number of parts less one.
    private let names: [[Name]]
    private static let partsMax = 17

    init(_ path: String, numbers: [String: Int]) {
        let parts = path.split(
            separator: ".",
            maxSplits: RecordPath.partsMax - 1,
            omittingEmptySubsequences: false
        )
        partCount = parts.count
        names = parts.indices.map { first in
            (first..<parts.count).map { last in
                let text = parts[first...last].joined(separator: ".")
                return Name(text: text, number: numbers[text])
            }
        }
    }

    /// The name made of parts `first..<end`.
    func name(_ first: Int, _ end: Int) -> Name { names[first][end - first - 1] }
}
