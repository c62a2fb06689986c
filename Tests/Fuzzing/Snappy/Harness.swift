import Compression

/// Output that is accepted from an input.
private let limit = 1 << 16

/// The size a block declares in its first bytes, as the format's description has it; nil when they are no size.
private func declared(_ bytes: [UInt8]) -> UInt64? {
    var size: UInt64 = 0
    for (index, byte) in bytes.prefix(5).enumerated() {
        size |= UInt64(byte & 0x7f) << (7 * UInt64(index))
        if byte < 0x80 { return size <= UInt32.max ? size : nil }
    }
    return nil
}

/// A block that decompresses has the size it declares, within the limit; any bytes survive the way there and back.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    do {
        let output = try Snappy.decompress(input.span, limit: limit)
        precondition(output.count <= limit, "output over the limit")
        precondition(UInt64(output.count) == declared(input), "a size that was not declared")
        guard !output.isEmpty else { return 0 }
        let isRefused = (try? Snappy.decompress(input.span, limit: output.count - 1)) == nil
        precondition(isRefused, "one byte over the limit is too much")
    } catch .tooLarge {
        let isLarge = declared(input).map { $0 > UInt64(limit) } ?? false
        precondition(isLarge, "refused for its size, which is within the limit")
    } catch {}
    guard let packed = try? Snappy.compress(input.span),
        let unpacked = try? Snappy.decompress(packed.span, limit: count)
    else { preconditionFailure("what was compressed cannot be read") }
    precondition(unpacked == input, "what was compressed comes back changed")
    return 0
}
