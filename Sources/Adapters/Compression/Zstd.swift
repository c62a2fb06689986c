import CZstd

/// The Zstandard format (RFC 8878) through libzstd.
package enum Zstd {
    /// Compresses `bytes` into one frame.
    ///
    /// - Parameters:
    ///   - bytes: Anything, also nothing.
    ///   - level: 1 (fast) to 19 (small); libzstd's own default of 3 otherwise.
    /// - Returns: The frame.
    /// - Throws: `outOfMemory` when libzstd gets none.
    package static func compress(
        _ bytes: Span<UInt8>,
        level: Int = 3
    ) throws(CompressionError) -> [UInt8] {
        precondition((1...19).contains(level), "a zstd level is 1 to 19")
        let room = ZSTD_compressBound(bytes.count)
        var failed = false
        let output = unsafe [UInt8](unsafeUninitializedCapacity: room) { target, count in
            unsafe bytes.withUnsafeBytes { source in
                // libzstd writes at most `room` bytes, which is what the buffer holds.
                let made = unsafe ZSTD_compress(
                    target.baseAddress,
                    target.count,
                    source.baseAddress,
                    source.count,
                    Int32(level)
                )
                failed = ZSTD_isError(made) != 0
                count = failed ? 0 : made
            }
        }
        guard !failed else { throw .outOfMemory(format: "zstd") }
        return output
    }

    /// Decompresses every frame of `bytes`, one after the other; skippable frames are skipped.
    ///
    /// - Parameters:
    ///   - bytes: One or more frames and nothing else.
    ///   - limit: Bytes of output that are accepted; the output takes no more, and the window no more than that
    ///     or 8 MiB.
    /// - Returns: What all frames hold, joined.
    /// - Throws: `tooLarge` as soon as the output, or the window that a frame asks for, passes what is
    ///   granted;
    ///   `corrupt` for anything that is not whole frames.
    package static func decompress(
        _ bytes: Span<UInt8>,
        limit: Int
    ) throws(CompressionError) -> [UInt8] {
        precondition(limit >= 0, "a limit is not negative")
        guard let context = unsafe ZSTD_createDCtx() else { throw .outOfMemory(format: "zstd") }
        defer { unsafe ZSTD_freeDCtx(context) }
        unsafe ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Int32(windowLog(limit)))
        // One byte over the limit is room to see that the limit is passed.
        let ceiling = limit == .max ? limit : limit + 1
        var output = [UInt8](
            repeating: 0,
            count: min(ceiling, max(512, bytes.count < .max / 4 ? bytes.count * 4 : .max))
        )
        var produced = 0
        var consumed = 0
        while true {
            let step = unsafe step(context, bytes, from: consumed, into: &output, at: produced)
            guard ZSTD_isError(step.status) == 0 else {
                throw failure(step.status, near: consumed, limit: limit)
            }
            consumed = step.consumed
            produced = step.produced
            guard produced <= limit else { throw .tooLarge(format: "zstd", limit: limit) }
            if consumed == bytes.count {
                // Nothing is held back: the frame is over, and so is the input.
                if step.status == 0 {
                    output.removeLast(output.count - produced)
                    return output
                }
                guard produced == output.count else {
                    throw .corrupt(format: "zstd", reason: "truncated after \(bytes.count) bytes")
                }
            }
            if produced == output.count {
                let more = min(ceiling - output.count, max(output.count, 512))
                output.append(contentsOf: repeatElement(0, count: more))
            }
        }
    }

    /// The largest window that is granted: what the output may be, but at least the 8 MiB that RFC 8878 asks of
    /// every reader.
    private static func windowLog(_ limit: Int) -> Int {
        let log = Int.bitWidth - 1 - max(limit, 1).leadingZeroBitCount
        return min(27, max(23, log))
    }

    private static func failure(_ status: Int, near: Int, limit: Int) -> CompressionError {
        switch ZSTD_getErrorCode(status) {
        case ZSTD_error_frameParameter_windowTooLarge: .tooLarge(format: "zstd", limit: limit)
        case ZSTD_error_memory_allocation: .outOfMemory(format: "zstd")
        default:
            .corrupt(
                format: "zstd",
                reason: "\(unsafe String(cString: ZSTD_getErrorName(status))) near byte \(near)"
            )
        }
    }

    /// Feeds libzstd once.
    ///
    /// - Returns: How far input and output are now, and libzstd's status: 0 when a frame is over.
    private static func step(
        _ context: OpaquePointer,
        _ input: Span<UInt8>,
        from: Int,
        into output: inout [UInt8],
        at: Int
    ) -> (consumed: Int, produced: Int, status: Int) {
        unsafe input.withUnsafeBytes { source in
            unsafe output.withUnsafeMutableBytes { target in
                // libzstd reads `source` from `from` and writes `target` from `at`, both to their ends at most.
                var reading = unsafe ZSTD_inBuffer(
                    src: source.baseAddress,
                    size: source.count,
                    pos: from
                )
                var writing = unsafe ZSTD_outBuffer(
                    dst: target.baseAddress,
                    size: target.count,
                    pos: at
                )
                let status = unsafe ZSTD_decompressStream(context, &writing, &reading)
                return unsafe (reading.pos, writing.pos, status)
            }
        }
    }
}
