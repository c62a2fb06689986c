import COpenSSL

/// Comparison of secrets.
package enum ConstantTime {
    /// True when both are equal; the time taken depends on their lengths alone, never on where they differ.
    package static func areEqual(
        _ left: some Sequence<UInt8>,
        _ right: some Sequence<UInt8>
    ) -> Bool {
        let a = Array(left)
        let b = Array(right)
        guard a.count == b.count else { return false }
        return unsafe a.withUnsafeBytes { first in
            // Both buffers hold `a.count` bytes.
            unsafe b.withUnsafeBytes { second in
                unsafe CRYPTO_memcmp(first.baseAddress, second.baseAddress, first.count) == 0
            }
        }
    }

    /// True when both texts are equal byte by byte (no Unicode normalisation).
    package static func areEqual(_ left: String, _ right: String) -> Bool {
        areEqual(left.utf8, right.utf8)
    }
}
