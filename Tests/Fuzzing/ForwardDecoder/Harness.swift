import EFKIngest
import Model
import Timekeeping

private let settings = ForwardSettings(
    messageMax: 300,
    jsonMessageMax: 300,
    decompressedMax: 4000,
    decodedMax: 20_000,
    depthMax: 6
)

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
