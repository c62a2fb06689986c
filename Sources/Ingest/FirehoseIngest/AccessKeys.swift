import Cryptography

/// The keys that Firehose may show, one a line of a file: the old one and the new one while a key is changed.
package struct AccessKeys: Sendable {
    /// Bytes of a key that Firehose can send.
    package static let bytesMax = 4096

    private let keys: [[UInt8]]

    /// Reads the text of a file.
    ///
    /// - Throws: What is wrong with it, without any of its text.
    package init(_ text: String) throws(Problem) {
        keys = text.split(whereSeparator: \.isNewline)
            .map { line in
                let kept = line.drop { $0.isWhitespace }
                return Array(kept.utf8.reversed().drop { [0x20, 0x09].contains($0) }.reversed())
            }
            .filter { !$0.isEmpty }
        guard !keys.isEmpty else { throw Problem(reason: "it holds no key; put one on a line") }
        guard keys.allSatisfy({ $0.count <= Self.bytesMax }) else {
            throw Problem(reason: "a key is longer than Firehose's \(Self.bytesMax) bytes")
        }
    }

    /// Why a file holds no usable keys.
    package struct Problem: Error, CustomStringConvertible {
        package var reason: String
        package var description: String { reason }
    }

    /// True when the text is one of the keys; the time taken does not tell how much of it is right.
    package func accepts(_ given: String) -> Bool {
        var isKnown = false
        // All are looked at, whichever is right.
        for key in keys where ConstantTime.areEqual(key, given.utf8) { isKnown = true }
        return isKnown
    }
}
