import HTTPServer
import Ingest
import Model
import OTLPLogIngest
import Telemetry
import Timekeeping
import WireFormats

private struct StillClock: WallClock {
    func now() -> Timestamp { Timestamp(milliseconds: 1_700_000_000_000) }
}

/// Takes everything.
private struct OpenDoor: LogAdmitting {
    func admit(_ records: [LogRecord], from source: String) -> AdmissionOutcome {
        precondition(!records.isEmpty, "nothing is let in as something")
        return .admitted(AppendResult())
    }
}

private let settings = OTLPLogSettings(
    bodyMax: 4000,
    decompressedMax: 8000,
    decodedMax: 40_000,
    depthMax: 6
)

private func depth(_ value: LogValue) -> Int {
    switch value {
    case .null, .bool, .integer, .number, .string: 1
    case .array(let values): 1 + (values.map(depth).max() ?? 0)
    case .object(let fields): 1 + (fields.map { depth($0.value) }.max() ?? 0)
    }
}

/// The first byte chooses the encoding; whatever comes, the answer is what its status says.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 0 else { return 0 }
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    let body = Array(input.dropFirst())
    let encoding: OTLPLogDecoder.Encoding = input[0] & 1 == 0 ? .protobuf : .json
    let batch = try? OTLPLogDecoder(settings: settings).decode(
        body.span,
        encoding,
        arrival: StillClock().now()
    )
    for record in batch?.records ?? [] {
        precondition(!record.tag.isEmpty, "a record has a tag")
        let deepest = record.fields.map { depth($0.value) }.max() ?? 0
        precondition(deepest <= settings.depthMax, "a record is no deeper than it may")
    }
    let metrics = MetricsRegistry()
    let handler = OTLPLogHandler(
        settings: settings,
        admission: OpenDoor(),
        sources: SourceRegistry(clock: StillClock(), metrics: metrics),
        clock: StillClock(),
        metrics: metrics
    )
    let type = encoding == .json ? "application/json" : "application/x-protobuf"
    let response = handler.handle(
        HTTPRequest(
            method: "POST",
            path: "/v1/logs",
            headers: [("content-type", type)],
            body: body
        )
    )
    precondition([200, 400, 413].contains(response.status), "an answer that is meant")
    if body.count <= settings.bodyMax {
        precondition((response.status == 200) == (batch != nil), "what is read is taken")
    }
    if encoding == .json {
        guard (try? JSONValue(response.body.span)) != nil else {
            preconditionFailure("an answer is JSON")
        }
    }
    return 0
}
