import HTTPServer

/// What a stream amounts to, as text, for comparing ways of cutting it.
private func outcome(of bytes: [UInt8], pieceBytes: Int) -> String {
    let limits = HTTPParserLimits(
        requestLineMax: 200,
        headerBytesMax: 400,
        headersMax: 8,
        chunkLineMax: 20
    )
    var parser = HTTPRequestParser(limits: limits)
    var text = ""
    var start = 0
    while start < bytes.count {
        let piece = Array(bytes[start..<min(start + pieceBytes, bytes.count)])
        start += piece.count
        var offset = 0
        feeding: while true {
            switch parser.parse(piece.span, from: &offset) {
            case .needMore: break feeding
            case .head(let head):
                text += "\(head)"
                parser.acceptBody(bodyMax: 100)
            case .complete: text += "\(parser.takeBody())"
            case .failed(let error): return text + "\(error)"
            }
        }
    }
    return text + "\(parser.isAtStart)"
}

/// The first byte says how the rest is cut; every cut must give what the whole gives.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 0 else { return 0 }
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    let bytes = Array(input.dropFirst())
    let whole = outcome(of: bytes, pieceBytes: max(1, bytes.count))
    let cut = outcome(of: bytes, pieceBytes: 1 + Int(input[0] & 15))
    precondition(whole == cut, "the outcome depends on the cut")
    return 0
}
