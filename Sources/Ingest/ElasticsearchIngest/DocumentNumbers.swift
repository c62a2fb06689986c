import Synchronization

/// Numbers of documents, and the ids made of them for documents that have none.
package final class DocumentNumbers: Sendable {
    private static let letters = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8
    )

    /// What tells the ids of this process from those of others.
    private let prefix: [UInt8]
    private let next = Atomic<Int>(0)

    package init() {
        var random = SystemRandomNumberGenerator()
        let bits = random.next()
        prefix = (0..<10).map { Self.letters[Int(bits >> UInt64($0 * 6) & 63)] }
    }

    /// Takes the next `count` numbers; returns the first.
    package func take(_ count: Int) -> Int {
        next.wrappingAdd(count, ordering: .relaxed).oldValue
    }

    /// Appends the id of a number: twenty letters, digits, `-` and `_`, as Elasticsearch's own.
    func append(idOf number: Int, to bytes: inout [UInt8]) {
        bytes += prefix
        for place in (0..<10).reversed() {
            bytes.append(Self.letters[number >> (place * 6) & 63])
        }
    }
}
