import Compression
import EFKIngest
import Model
import Timekeeping
import WireFormats

private let settings = ForwardSettings {
    $0.messageMax = 300
    $0.jsonMessageMax = 300
    $0.decompressedMax = 4000
    $0.decodedMax = 20_000
    $0.entriesMax = 100
    $0.chunkIDMax = 40
    $0.depthMax = 6
}

private func described(_ value: LogValue) -> String {
    switch value {
    case .null: "null"
    case .bool, .integer, .number, .string: value.text
    case .array(let values): "[" + values.map(described).joined(separator: ",") + "]"
    case .object(let fields): described(fields)
    }
}

private func described(_ fields: [(name: String, value: LogValue)]) -> String {
    "{" + fields.map { $0.name + "=" + described($0.value) }.joined(separator: ",") + "}"
}

private func described(_ outcome: ForwardOutcome) -> String {
    switch outcome {
    case .ignored: return "ignored;"
    case .invalid(let cause, let reason, let ack): return "\(cause) \(reason) \(ack?.count ?? -1);"
    case .refused(let cause, let reason): return "\(cause) \(reason);"
    case .message(let message):
        var text = "\(message.tag) \(message.invalidEntries) \(message.firstInvalid ?? "") "
        for record in message.records {
            text += "\(record.eventTime.milliseconds):" + described(record.fields)
        }
        return text + "\(message.ack?.count ?? -1);"
    }
}

/// What a stream amounts to, as text, for comparing ways of cutting it.
private func outcome(of bytes: [UInt8], pieceBytes: Int) -> String {
    var framer = ForwardFramer(
        messageMax: settings.messageMax,
        jsonMessageMax: settings.jsonMessageMax
    )
    let decoder = ForwardDecoder(settings: settings)
    var text = ""
    var start = 0
    while start < bytes.count {
        let piece = Array(bytes[start..<min(start + pieceBytes, bytes.count)])
        start += piece.count
        framer.append(piece.span)
        while let frames = framer.takeFrames(bytesMax: 100) {
            for outcome in decoder.decode(frames, arrival: Timestamp(milliseconds: 0)) {
                text += described(outcome)
            }
        }
    }
    for one in framer.takeOversized() { text += "\(one.limit)" }
    return text + "\(framer.failure == nil)"
}

/// What a packed stream amounts to, packed in one of the ways there are.
private func outcome(ofPacked bytes: [UInt8], _ compression: String) -> String {
    var writer = MessagePackWriter()
    writer.array(3)
    writer.string("t")
    writer.binary(bytes)
    writer.map(1)
    writer.string("compressed")
    writer.string(compression)
    var framer = ForwardFramer(messageMax: 1 << 20, jsonMessageMax: 1 << 20)
    framer.append(writer.bytes.span)
    guard let frames = framer.takeFrames(bytesMax: 0) else { return "" }
    return ForwardDecoder(settings: settings)
        .decode(frames, arrival: Timestamp(milliseconds: 0)).map(described).joined()
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
    let plain = outcome(ofPacked: bytes, "text")
    guard bytes.count <= settings.decompressedMax, let gzip = try? Gzip.compress(bytes.span),
        let zstd = try? Zstd.compress(bytes.span)
    else { return 0 }
    precondition(outcome(ofPacked: gzip, "gzip") == plain, "gzip makes another outcome")
    precondition(outcome(ofPacked: zstd, "zstd") == plain, "zstd makes another outcome")
    // The bytes themselves as frames: whatever they are, an outcome.
    precondition(
        !outcome(ofPacked: bytes, "zstd").isEmpty && !outcome(ofPacked: bytes, "gzip").isEmpty
    )
    return 0
}
