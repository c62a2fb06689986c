import CZlib

/// The gzip file format (RFC 1952) through zlib.
package enum Gzip {
    /// Compresses `bytes` into one gzip member.
    ///
    /// - Parameters:
    ///   - bytes: Anything, also nothing.
    ///   - level: 1 (fast) to 9 (small); zlib's own default of 6 otherwise.
    /// - Returns: The member, header and checksum included.
    /// - Throws: `outOfMemory` when zlib gets none.
    package static func compress(
        _ bytes: Span<UInt8>,
        level: Int = 6
    ) throws(CompressionError) -> [UInt8] {
        precondition((1...9).contains(level), "a gzip level is 1 to 9")
        var stream = unsafe z_stream()
        guard
            unsafe deflateInit2_(
                &stream,
                Int32(level),
                Z_DEFLATED,
                15 + 16,
                8,
                Z_DEFAULT_STRATEGY,
                ZLIB_VERSION,
                Int32(MemoryLayout<z_stream>.size)
            ) == Z_OK
        else { throw .outOfMemory(format: "gzip") }
        defer { unsafe deflateEnd(&stream) }
        // deflateBound leaves room for the whole, so one call per input piece always suffices.
        let room = unsafe Int(deflateBound(&stream, UInt(bytes.count))) + 32
        var output = [UInt8](repeating: 0, count: room)
        var produced = 0
        var consumed = 0
        repeat {
            let (taken, made, status) = unsafe step(
                &stream,
                bytes,
                from: consumed,
                into: &output,
                at: produced,
                call: { stream, isLast in unsafe deflate(&stream, isLast ? Z_FINISH : Z_NO_FLUSH) }
            )
            consumed += taken
            produced += made
            if status == Z_STREAM_END { break }
            guard status == Z_OK else {
                throw .corrupt(format: "gzip", reason: "deflate failed with status \(status)")
            }
            if produced == output.count {
                output.append(contentsOf: repeatElement(0, count: output.count))
            }
        } while true
        output.removeLast(output.count - produced)
        return output
    }

    /// Decompresses every member of `bytes`, one after the other.
    ///
    /// - Parameters:
    ///   - bytes: One or more gzip members and nothing else.
    ///   - limit: Bytes of output that are accepted; no more than about that much is ever allocated.
    /// - Returns: What all members hold, joined.
    /// - Throws: `tooLarge` as soon as the output passes `limit`; `corrupt` for anything that is not whole
    ///   members with right checksums.
    package static func decompress(
        _ bytes: Span<UInt8>,
        limit: Int
    ) throws(CompressionError) -> [UInt8] {
        precondition(limit >= 0, "a limit is not negative")
        var stream = unsafe z_stream()
        guard
            unsafe inflateInit2_(
                &stream,
                15 + 16,
                ZLIB_VERSION,
                Int32(MemoryLayout<z_stream>.size)
            ) == Z_OK
        else { throw .outOfMemory(format: "gzip") }
        defer { unsafe inflateEnd(&stream) }
        // One byte over the limit is room to see that the limit is passed.
        let ceiling = limit == .max ? limit : limit + 1
        var output = [UInt8](
            repeating: 0,
            count: min(ceiling, max(512, bytes.count.multipliedSaturating(by: 4)))
        )
        var produced = 0
        var consumed = 0
        while true {
            let (taken, made, status) = unsafe step(
                &stream,
                bytes,
                from: consumed,
                into: &output,
                at: produced,
                call: { stream, _ in unsafe inflate(&stream, Z_NO_FLUSH) }
            )
            consumed += taken
            produced += made
            guard produced <= limit else { throw .tooLarge(format: "gzip", limit: limit) }
            switch status {
            case Z_STREAM_END:
                if consumed == bytes.count {
                    output.removeLast(output.count - produced)
                    return output
                }
                guard unsafe inflateReset(&stream) == Z_OK else {
                    throw .corrupt(format: "gzip", reason: "cannot start the next member")
                }
            case Z_OK where produced < output.count && consumed == bytes.count,
                Z_BUF_ERROR where produced < output.count:
                throw .corrupt(format: "gzip", reason: "truncated after \(bytes.count) bytes")
            case Z_OK, Z_BUF_ERROR:
                let more = min(ceiling - output.count, max(output.count, 512))
                output.append(contentsOf: repeatElement(0, count: more))
            case Z_MEM_ERROR: throw .outOfMemory(format: "gzip")
            case Z_NEED_DICT:
                throw .corrupt(format: "gzip", reason: "a preset dictionary is not allowed")
            default:
                throw .corrupt(format: "gzip", reason: "invalid data near byte \(consumed)")
            }
        }
    }

    /// Feeds zlib once, in pieces that its 32-bit counts can hold.
    ///
    /// - Returns: Bytes taken, bytes made, zlib's status.
    private static func step(
        _ stream: inout z_stream,
        _ input: Span<UInt8>,
        from: Int,
        into output: inout [UInt8],
        at: Int,
        call: (inout z_stream, _ isLast: Bool) -> Int32
    ) -> (taken: Int, made: Int, status: Int32) {
        let piece = 1 << 30
        let inputCount = min(piece, input.count - from)
        let outputCount = min(piece, output.count - at)
        let isLast = from + inputCount == input.count
        // zlib reads inputCount bytes from `from` and writes outputCount bytes from `at`: both lie in bounds.
        return unsafe input.withUnsafeBufferPointer { source in
            unsafe output.withUnsafeMutableBufferPointer { target in
                // next_in is only read, though zlib's type does not say const. It may not be null even
                // when there is nothing to read.
                var nothing: UInt8 = 0
                return unsafe withUnsafeMutablePointer(to: &nothing) { empty in
                    unsafe stream.next_in =
                        source.baseAddress.map { unsafe UnsafeMutablePointer(mutating: $0 + from) }
                        ?? empty
                    unsafe stream.avail_in = UInt32(inputCount)
                    unsafe stream.next_out = target.baseAddress.map { unsafe $0 + at }
                    unsafe stream.avail_out = UInt32(outputCount)
                    let status = unsafe call(&stream, isLast)
                    let taken = unsafe inputCount - Int(stream.avail_in)
                    let made = unsafe outputCount - Int(stream.avail_out)
                    unsafe stream.next_in = nil
                    unsafe stream.next_out = nil
                    return (taken, made, status)
                }
            }
        }
    }
}

extension Int {
    fileprivate func multipliedSaturating(by factor: Int) -> Int {
        let (product, overflow) = multipliedReportingOverflow(by: factor)
        return overflow ? .max : product
    }
}
