import WireFormats

/// A text that reads as a container is, to the scanner, one value that ends where it ends.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    let strict = try? JSONValue(input.span)
    let repaired = try? JSONValue(input.span, repairing: true)
    precondition(strict == nil || strict == repaired, "repairing changes nothing that is right")
    guard strict?.elements != nil else { return 0 }
    let spaces: Set<UInt8> = [0x20, 0x0a, 0x0d, 0x09]
    let value = Array(input.drop { spaces.contains($0) })
    var scanner = JSONScanner()
    let length = (try? scanner.advance(over: value.span)) ?? nil
    precondition(length != nil, "the scanner finds no end")
    precondition(value.dropFirst(length ?? 0).allSatisfy { spaces.contains($0) }, "another end")
    return 0
}
