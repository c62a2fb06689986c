import WireFormats

/// The reader and the scanner agree on where a value ends, however it arrives.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 0 else { return 0 }
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    let bytes = Array(input.dropFirst())
    var reader = MessagePackReader(bytes.span)
    let read = try? reader.skip().upperBound
    var scanner = MessagePackScanner()
    var scanned: Int?
    let step = 1 + Int(input[0] & 15)
    var end = 0
    while end < bytes.count, scanned == nil {
        end = min(end + step, bytes.count)
        do {
            scanned = try scanner.advance(over: Array(bytes[..<end]).span)
        } catch {
            break
        }
    }
    precondition(
        read == scanned,
        "reader \(String(describing: read)), scanner \(String(describing: scanned))"
    )
    return 0
}
