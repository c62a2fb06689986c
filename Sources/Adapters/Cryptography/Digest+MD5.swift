import COpenSSL

extension Digest {
    /// The 16-byte MD5 digest of `message` (RFC 1321), for spreading by hash as others do; not for secrets.
    package static func md5(_ message: some Sequence<UInt8>) -> [UInt8] {
        let input = Array(message)
        return unsafe Array(unsafeUninitializedCapacity: 16) { output, count in
            // `output` has room for 16 bytes, which is what EVP_Digest writes with MD5.
            let done = unsafe input.withUnsafeBytes { bytes in
                unsafe EVP_Digest(
                    bytes.baseAddress,
                    bytes.count,
                    output.baseAddress,
                    nil,
                    EVP_md5(),
                    nil
                )
            }
            precondition(done == 1, "OpenSSL could not compute a digest")
            count = 16
        }
    }
}
