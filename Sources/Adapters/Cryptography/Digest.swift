import COpenSSL

/// A hash function of the SHA-2 family, computed by OpenSSL.
package enum DigestAlgorithm: Sendable, CaseIterable {
    case sha256
    case sha512

    /// Length of the digest.
    package var byteCount: Int {
        switch self {
        case .sha256: 32
        case .sha512: 64
        }
    }

    /// OpenSSL's static method table; never freed.
    var method: OpaquePointer? {
        switch self {
        case .sha256: unsafe EVP_sha256()
        case .sha512: unsafe EVP_sha512()
        }
    }
}

/// Digests of whole messages.
package enum Digest {
    /// The 32-byte SHA-256 digest of `message` (FIPS 180-4).
    package static func sha256(_ message: some Sequence<UInt8>) -> [UInt8] {
        compute(.sha256, over: message)
    }

    /// The 64-byte SHA-512 digest of `message` (FIPS 180-4).
    package static func sha512(_ message: some Sequence<UInt8>) -> [UInt8] {
        compute(.sha512, over: message)
    }

    /// The digest of `message` by `algorithm`.
    ///
    /// Traps when OpenSSL itself fails, which happens only when memory has run out or the library was built without SHA-2.
    package static func compute(
        _ algorithm: DigestAlgorithm,
        over message: some Sequence<UInt8>
    ) -> [UInt8] {
        let input = Array(message)
        return unsafe Array(unsafeUninitializedCapacity: algorithm.byteCount) { output, count in
            // `output` has room for the algorithm's whole digest, which is what EVP_Digest writes.
            let done = unsafe input.withUnsafeBytes { bytes in
                unsafe EVP_Digest(
                    bytes.baseAddress,
                    bytes.count,
                    output.baseAddress,
                    nil,
                    algorithm.method,
                    nil
                )
            }
            precondition(done == 1, "OpenSSL could not compute a digest")
            count = algorithm.byteCount
        }
    }
}

/// Keyed message authentication codes (RFC 2104).
package enum MessageAuthentication {
    /// The 32-byte HMAC-SHA256 of `message` under `key`; both may be empty.
    package static func hmacSHA256(
        key: some Sequence<UInt8>,
        _ message: some Sequence<UInt8>
    ) -> [UInt8] {
        let keyBytes = Array(key)
        let input = Array(message)
        // A null key pointer means "the key of before" to OpenSSL, so that an empty key needs a real address.
        let padded = keyBytes.isEmpty ? [0] : keyBytes
        return unsafe Array(unsafeUninitializedCapacity: 32) { output, count in
            // `output` has room for 32 bytes, which is what HMAC writes with SHA-256.
            let done = unsafe padded.withUnsafeBytes { key in
                unsafe input.withUnsafeBufferPointer { bytes in
                    unsafe HMAC(
                        EVP_sha256(),
                        key.baseAddress,
                        Int32(keyBytes.count),
                        bytes.baseAddress,
                        bytes.count,
                        output.baseAddress,
                        nil
                    ) != nil
                }
            }
            precondition(done, "OpenSSL could not compute an HMAC")
            count = 32
        }
    }
}
