/// A text that equals others by its bytes, for keys and members of sets: `String` also takes `é` in one and in two
/// code points for the same.
package struct ByteText: Hashable, Sendable {
    package let text: String

    package init(_ text: String) {
        self.text = text
    }

    // Hashing stays the standard one: equal bytes have equal hashes.
    package static func == (left: ByteText, right: ByteText) -> Bool {
        left.text.hasSameBytes(as: right.text)
    }

    /// The texts, each once, in byte order.
    package static func sorted(_ texts: some Sequence<String>) -> [String] {
        Set(texts.map(ByteText.init)).map(\.text)
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}
