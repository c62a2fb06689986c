import CSnappy

/// Snappy's block format (not the framed one) through libsnappy.
package enum Snappy {
    /// Compresses `bytes` into one block.
    package static func compress(_ bytes: Span<UInt8>) throws(CompressionError) -> [UInt8] {
        let room = snappy_max_compressed_length(bytes.count)
        var status = SNAPPY_OK
        let output = unsafe [UInt8](unsafeUninitializedCapacity: room) { target, count in
            unsafe bytes.withUnsafeBufferPointer { source in
                var length = room
                // snappy writes at most `length` = `room` bytes, which is what the buffer holds.
                status = unsafe source.withMemoryRebound(to: CChar.self) { input in
                    unsafe target.withMemoryRebound(to: CChar.self) { output in
                        unsafe snappy_compress(
                            input.baseAddress,
                            input.count,
                            output.baseAddress,
                            &length
                        )
                    }
                }
                count = status == SNAPPY_OK ? length : 0
            }
        }
        guard status == SNAPPY_OK else { throw .outOfMemory(format: "snappy") }
        return output
    }

    /// Decompresses one block.
    ///
    /// - Parameters:
    ///   - bytes: The whole block.
    ///   - limit: Bytes of output that are accepted. The size that the block declares is checked against it
    ///     before anything is allocated.
    /// - Returns: As many bytes as the block declares.
    /// - Throws: `tooLarge` when it declares more than `limit`, `corrupt` for anything that is no whole block.
    package static func decompress(
        _ bytes: Span<UInt8>,
        limit: Int
    ) throws(CompressionError) -> [UInt8] {
        var declared = 0
        var status = unsafe bytes.withUnsafeBufferPointer { source in
            unsafe source.withMemoryRebound(to: CChar.self) { input in
                unsafe snappy_uncompressed_length(input.baseAddress, input.count, &declared)
            }
        }
        guard status == SNAPPY_OK else {
            throw .corrupt(format: "snappy", reason: "it does not begin with a valid length")
        }
        guard declared >= 0, declared <= limit else {
            throw .tooLarge(format: "snappy", limit: limit)
        }
        // A block stores at most 64 bytes for each 3 of its own, so a longer claim cannot be true: refuse it
        // before allocating.
        guard declared <= (bytes.count + 1) * 32 else {
            throw .corrupt(
                format: "snappy",
                reason: "\(bytes.count) bytes cannot hold the \(declared) that they declare"
            )
        }
        let output = unsafe [UInt8](unsafeUninitializedCapacity: declared) { target, count in
            unsafe bytes.withUnsafeBufferPointer { source in
                var length = declared
                // snappy checks `length` against the block's own length, then writes exactly that much.
                status = unsafe source.withMemoryRebound(to: CChar.self) { input in
                    unsafe target.withMemoryRebound(to: CChar.self) { output in
                        unsafe snappy_uncompress(
                            input.baseAddress,
                            input.count,
                            output.baseAddress,
                            &length
                        )
                    }
                }
                count = status == SNAPPY_OK ? length : 0
            }
        }
        guard status == SNAPPY_OK else {
            throw .corrupt(format: "snappy", reason: "invalid block of \(bytes.count) bytes")
        }
        return output
    }
}
