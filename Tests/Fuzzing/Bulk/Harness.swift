import ElasticsearchIngest
import HTTPServer
import Ingest
import Model
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

private let settings = BulkSettings(
    bodyMax: 4000,
    decompressedMax: 8000,
    decodedMax: 40_000,
    depthMax: 6,
    idsRemembered: 4,
    idBytesMax: 16
)

private let filters = [
    nil, "errors", "errors,items.*.status", "items.*._id,-items.create", "**.type", "it*s.*.*",
    "took,items.*.error.reason", "-items",
]

private func handler() -> BulkHandler {
    let metrics = MetricsRegistry()
    return BulkHandler(
        settings: settings,
        admission: OpenDoor(),
        sources: SourceRegistry(clock: StillClock(), metrics: metrics),
        clock: StillClock(),
        metrics: metrics
    )
}

private func check(_ batch: BulkBatch) {
    var documents = 0
    for item in batch.items {
        precondition(batch.indexes.indices.contains(item.index), "an item has an index")
        switch item.outcome {
        case .document(let place):
            precondition(place == documents, "documents are in order")
            documents += 1
        case .refused(let place):
            precondition(batch.refusals.indices.contains(place), "a refusal has its reason")
        case .repeated, .acknowledged: break
        }
    }
    precondition(documents == batch.records.count, "every document is a record")
    precondition(documents == batch.ids.count, "every record has its place among the ids")
}

/// The first byte chooses the filter and how the body is sent; whatever comes, the answer is whole JSON or text.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 0 else { return 0 }
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    let body = Array(input.dropFirst())
    let filter = filters[Int(input[0] & 7)]
    let index = input[0] & 8 == 0 ? nil : "logs-2026.11.24"
    let batch = try? BulkDecoder(settings: settings).decode(
        body.span,
        defaultIndex: index,
        arrival: StillClock().now()
    )
    if let batch { check(batch) }
    var request = HTTPRequest(
        method: "POST",
        path: "/_bulk",
        query: filter.map { [("filter_path", $0)] } ?? [],
        headers: input[0] & 16 == 0 ? [] : [("content-encoding", "gzip")],
        body: body
    )
    if let index { request.pathParameters["index"] = index }
    let handler = handler()
    for turn in 0..<2 {
        let response = handler.handle(request)
        precondition([200, 400, 413].contains(response.status), "an answer that is meant")
        guard let reply = try? JSONValue(response.body.span) else {
            preconditionFailure("an answer is JSON")
        }
        guard response.status == 200, input[0] & 16 == 0, filter == nil else { continue }
        guard let batch, let items = reply["items"]?.elements else {
            preconditionFailure("items are answered")
        }
        precondition(items.count == batch.items.count, "every item is answered")
        // Sent again, nothing with an id of its own is new, as far as ids are remembered.
        guard turn == 1, batch.items.count <= settings.idsRemembered else { continue }
        for (item, answer) in zip(batch.items, items) {
            guard case .document = item.outcome, item.id != nil else { continue }
            let result = answer[item.action.rawValue]?["result"]?.string
            precondition(result != "created", "a document is taken once")
        }
    }
    return 0
}
