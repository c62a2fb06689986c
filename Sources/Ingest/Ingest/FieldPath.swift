import Model

/// A dotted path into a record's fields, taken apart once.
///
/// `a.b.c` finds a field of that whole name, or `b.c` in the object `a`, or `c` in the object `a.b`: shippers
/// flatten names as they please.
struct FieldPath: Sendable, Hashable {
    let text: String
    private let heads: [String]
    private let tails: [FieldPath]

    init(_ text: String) {
        self.text = text
        var heads: [String] = []
        var tails: [FieldPath] = []
        var start = text.startIndex
        while let dot = text[start...].firstIndex(of: ".") {
            heads.append(String(text[..<dot]))
            tails.append(FieldPath(String(text[text.index(after: dot)...])))
            start = text.index(after: dot)
        }
        self.heads = heads
        self.tails = tails
    }

    /// The value there; nil when there is none.
    func find(in fields: [(name: String, value: LogValue)]) -> LogValue? {
        for field in fields where field.name == text { return field.value }
        for (head, tail) in zip(heads, tails) {
            for field in fields where field.name == head {
                if case .object(let inner) = field.value, let found = tail.find(in: inner) {
                    return found
                }
            }
        }
        return nil
    }
}
