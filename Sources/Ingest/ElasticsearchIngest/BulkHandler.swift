import Compression
package import HTTPServer
package import Ingest
package import Model
package import Telemetry
package import Timekeeping

/// Answers `_bulk` as Elasticsearch does, and keeps the documents as log records.
///
/// A request is let in whole or not at all. Its answer goes out when the counts derived from its documents are in the
/// metric store, so they survive a killed process; the documents themselves live in memory.
///
/// | status | when |
/// | --- | --- |
/// | 200 | everything is in, or was already; documents that can never be taken are items of status 400 |
/// | 400 | an action line, the compression or the body as a whole cannot be read; nothing is in |
/// | 413 | over a limit, which it names; nothing is in |
/// | 415 | compressed otherwise than by gzip |
/// | 429 | not now, nothing is in; plain text, and `Retry-After` says when to come again |
///
/// - Source: Elasticsearch 8.17 Bulk API; what clients make of each answer was measured with them.
package final class BulkHandler: Sendable {
    /// The source's name at the door.
    package static let source = "bulk"

    private let settings: BulkSettings
    private let admission: any LogAdmitting
    private let sources: SourceRegistry
    private let clock: any WallClock
    private let decoder: BulkDecoder
    private let memory: DocumentMemory
    private let numbers = DocumentNumbers()
    private let documents: Counter
    private let repeated: Counter
    private let acknowledged: Counter
    private let answers: @Sendable (Int) -> Counter

    package init(
        settings: BulkSettings = BulkSettings(),
        admission: any LogAdmitting,
        sources: SourceRegistry,
        clock: any WallClock,
        metrics: MetricsRegistry
    ) {
        self.settings = settings
        self.admission = admission
        self.sources = sources
        self.clock = clock
        decoder = BulkDecoder(settings: settings)
        memory = DocumentMemory(countMax: settings.idsRemembered)
        documents = metrics.counter(
            "tocsin_bulk_documents",
            help: "Documents let in by _bulk."
        )
        repeated = metrics.counter(
            "tocsin_bulk_repeated_documents",
            help: "Documents that were in already, by their id, when they were sent again."
        )
        acknowledged = metrics.counter(
            "tocsin_bulk_other_actions",
            help: "Deletions and changes of documents, which are acknowledged and not kept."
        )
        answers = { status in
            metrics.counter(
                "tocsin_bulk_requests",
                help: "Bulk requests by answer.",
                labels: [("status", "\(status)")]
            )
        }
        sources.declare(Self.source, isOn: true)
    }

    /// The routes; they block on the store, so they run on workers.
    package var routes: [HTTPRoute] {
        ["/_bulk", "/{index}/_bulk"].flatMap { path in
            ["POST", "PUT"].map { method in
                HTTPRoute(
                    method,
                    path,
                    bodyMax: settings.bodyMax,
                    bodyAdvice: Self.bodyAdvice,
                    .blocking { [self] in handle($0) }
                )
            }
        }
    }

    private static let bodyAdvice =
        "send fewer documents at once (bulk_max_size, max_chunk_bytes, Buffer_Chunk_Size) or raise "
        + "sources.http_ingest.bulk_max_body"

    /// Answers one request.
    package func handle(_ request: HTTPRequest) -> HTTPResponse {
        let response = answer(request)
        answers(response.status).add()
        return response
    }

    private func answer(_ request: HTTPRequest) -> HTTPResponse {
        let started = MonotonicTime.nanoseconds()
        guard request.body.count <= settings.bodyMax else {
            return refuse(
                request,
                413,
                cause: "body_too_large",
                type: "content_too_long_exception",
                "the body has \(request.body.count) bytes, over the limit of \(settings.bodyMax); "
                    + Self.bodyAdvice
            )
        }
        let encoding = request.header("content-encoding")?.lowercased() ?? "identity"
        switch encoding {
        case "identity", "": return answer(request, request.body, started)
        case "gzip", "x-gzip": break
        default:
            return refuse(
                request,
                415,
                cause: "unsupported_encoding",
                type: "media_type_header_exception",
                "content encoding \(LabelSet.quoted(encoding)) is not supported; send gzip or none"
            )
        }
        do {
            let plain = try Gzip.decompress(request.body.span, limit: settings.decompressedMax)
            return answer(request, plain, started)
        } catch CompressionError.tooLarge {
            return refuse(
                request,
                413,
                cause: "decompressed_too_large",
                type: "content_too_long_exception",
                "the body decompresses to more than \(settings.decompressedMax) bytes; send fewer "
                    + "documents at once or raise sources.http_ingest.bulk_max_decompressed"
            )
        } catch {
            return refuse(request, 400, cause: "malformed", type: "parse_exception", "\(error)")
        }
    }

    private func answer(
        _ request: HTTPRequest,
        _ body: [UInt8],
        _ started: UInt64
    ) -> HTTPResponse {
        var batch: BulkBatch
        do {
            batch = try decoder.decode(
                body.span,
                defaultIndex: request.pathParameters["index"],
                arrival: clock.now()
            )
        } catch {
            switch error {
            case .malformed(let type, let reason):
                return refuse(request, 400, cause: "malformed", type: type, reason)
            case .tooLarge(let reason):
                return refuse(
                    request,
                    413,
                    cause: "decoded_too_large",
                    type: "content_too_long_exception",
                    reason
                )
            }
        }
        guard !batch.items.isEmpty else {
            return refuse(
                request,
                400,
                cause: "malformed",
                type: "parse_exception",
                "request body is required"
            )
        }
        if let turnedAway = admit(&batch) { return turnedAway }
        count(batch, request)
        let took = Int((MonotonicTime.nanoseconds() - started) / 1_000_000)
        return ElasticsearchWords.json(
            request,
            BulkReply.json(
                batch,
                body.span,
                took: took,
                filter: ReplyFilter(request.parameter("filter_path")),
                numbers: numbers
            )
        )
    }

    /// Lets the batch's new documents in; gives the answer when they are turned away.
    private func admit(_ batch: inout BulkBatch) -> HTTPResponse? {
        let ids = batch.ids.compactMap { $0 }
        var fresh: [UInt64] = []
        if !ids.isEmpty {
            switch memory.begin(ids) {
            case .pending:
                return ElasticsearchWords.comeAgain(
                    "some of these documents are on their way in with another request; come again",
                    retryAfter: settings.pendingRetry
                )
            case .known(let known):
                fresh = zip(ids, known).compactMap { $1 ? nil : $0 }
                if fresh.count < ids.count { batch.leaveOut(known) }
            }
        }
        guard !batch.records.isEmpty else { return nil }
        switch admission.admit(batch.records, from: Self.source) {
        case .admitted: memory.finish(fresh)
        case .overloaded(let retryAfter, let reason):
            memory.abandon(fresh)
            return ElasticsearchWords.comeAgain(reason, retryAfter: retryAfter)
        }
        return nil
    }

    private func count(_ batch: BulkBatch, _ request: HTTPRequest) {
        documents.add(batch.records.count)
        var (again, others) = (0, 0)
        for item in batch.items {
            switch item.outcome {
            case .repeated: again += 1
            case .acknowledged: others += 1
            case .document, .refused: break
            }
        }
        if again > 0 { repeated.add(again) }
        if others > 0 { acknowledged.add(others) }
        if batch.records.isEmpty { sources.succeeded(Self.source) }
        if let first = batch.refusals.first {
            sources.refused(
                Self.source,
                cause: "invalid_document",
                count: batch.refusals.count,
                "bulk request from \(request.remote): \(first.reason)"
            )
        }
        if batch.unreadableTimes > 0 {
            sources.refused(
                Self.source,
                cause: "unreadable_time",
                count: batch.unreadableTimes,
                "bulk request from \(request.remote): an @timestamp is no time, so the document bears "
                    + "the time of its arrival; send ISO 8601 or milliseconds since 1970"
            )
        }
    }

    private func refuse(
        _ request: HTTPRequest,
        _ status: Int,
        cause: String,
        type: String,
        _ reason: String
    ) -> HTTPResponse {
        sources.refused(
            Self.source,
            cause: cause,
            "bulk request from \(request.remote): \(reason)"
        )
        return ElasticsearchWords.error(request, status, type: type, reason)
    }
}
