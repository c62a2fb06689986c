/// A dotted path into a record's fields, taken apart once.
///
/// `a.b.c` finds a field of that whole name, or `b.c` in the object `a`, or `c` in the object `a.b`: shippers
/// flatten names as they please. A name of Kubernetes' metadata finds it in whichever shape it came.
package struct FieldPath: Sendable, Hashable {
    /// As it was written.
    package let text: String
    private let places: [Place]

    package init(_ text: String) {
        self.text = text
        places = KubernetesField.paths(of: text).map { Place($0) }
    }

    /// The value there; nil when there is none.
    package func find(in fields: [(name: String, value: LogValue)]) -> LogValue? {
        for place in places {
            guard let value = place.find(in: fields) else { continue }
            if places.count > 1, case .object = value { continue }
            return value
        }
        return nil
    }

    private struct Place: Sendable, Hashable {
        let text: String
        private let heads: [String]
        private let tails: [Place]

        init(_ text: String) {
            self.text = text
            var heads: [String] = []
            var tails: [Place] = []
            var start = text.startIndex
            while let dot = text[start...].firstIndex(of: ".") {
                heads.append(String(text[..<dot]))
                tails.append(Place(String(text[text.index(after: dot)...])))
                start = text.index(after: dot)
            }
            self.heads = heads
            self.tails = tails
        }

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
}
