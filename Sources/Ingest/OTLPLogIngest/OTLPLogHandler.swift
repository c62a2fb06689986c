import Compression
package import HTTPServer
package import Ingest
package import Model
package import Telemetry
package import Timekeeping

/// Answers `POST /v1/logs` (also under `/otlp`): OTLP logs over HTTP, protobuf and JSON.
///
/// As with the other protocols the answer goes out when the counts derived from the records are in the metric store.
/// OTLP numbers nothing, so a request whose answer was lost is counted again when it comes again.
///
/// | status | when |
/// | --- | --- |
/// | 200 | the records are in; those that can never be are named by `partial_success` |
/// | 400 | cannot be read; nothing is in |
/// | 413 | over a limit, which it names; nothing is in |
/// | 415 | another content type or encoding |
/// | 503 | not now, nothing is in; `Retry-After` says when to come again |
///
/// - Source: OTLP 1.x specification, OTLP/HTTP.
package final class OTLPLogHandler: Sendable {
    /// The source's name at the door.
    package static let source = "otlp_logs"

    private let settings: OTLPLogSettings
    private let admission: any LogAdmitting
    private let sources: SourceRegistry
    private let clock: any WallClock
    private let decoder: OTLPLogDecoder
    private let records: Counter
    private let answers: @Sendable (Int) -> Counter

    package init(
        settings: OTLPLogSettings = OTLPLogSettings(),
        admission: any LogAdmitting,
        sources: SourceRegistry,
        clock: any WallClock,
        metrics: MetricsRegistry
    ) {
        self.settings = settings
        self.admission = admission
        self.sources = sources
        self.clock = clock
        decoder = OTLPLogDecoder(settings: settings)
        records = metrics.counter(
            "tocsin_otlp_log_records",
            help: "Log records let in over OTLP."
        )
        answers = { status in
            metrics.counter(
                "tocsin_otlp_log_requests",
                help: "OTLP log requests by answer.",
                labels: [("status", "\(status)")]
            )
        }
        sources.declare(Self.source, isOn: true)
    }

    /// The routes; they block on the store, so they run on workers.
    package var routes: [HTTPRoute] {
        ["/v1/logs", "/otlp/v1/logs"].map { path in
            HTTPRoute(
                "POST",
                path,
                bodyMax: settings.bodyMax,
                bodyAdvice: Self.bodyAdvice,
                .blocking { [self] in handle($0) }
            )
        }
    }

    private static let bodyAdvice =
        "lower send_batch_max_size in the collector's batch processor or raise "
        + "sources.http_ingest.max_body"

    /// Answers one request.
    package func handle(_ request: HTTPRequest) -> HTTPResponse {
        let type = request.header("content-type")?.prefix { $0 != ";" }.lowercased()
            .filter { $0 != " " }
        let response: HTTPResponse
        switch type {
        case "application/x-protobuf": response = answer(request, OTLPReply(encoding: .protobuf))
        case "application/json": response = answer(request, OTLPReply(encoding: .json))
        default:
            response = refuse(
                request,
                OTLPReply(encoding: .json),
                415,
                cause: "unsupported_media_type",
                "content type \(LabelSet.quoted(type ?? "")) is not supported; send "
                    + "application/x-protobuf or application/json"
            )
        }
        answers(response.status).add()
        return response
    }

    private func answer(_ request: HTTPRequest, _ reply: OTLPReply) -> HTTPResponse {
        guard request.body.count <= settings.bodyMax else {
            return refuse(
                request,
                reply,
                413,
                cause: "body_too_large",
                "the body has \(request.body.count) bytes, over the limit of \(settings.bodyMax); "
                    + Self.bodyAdvice
            )
        }
        let encoding = request.header("content-encoding")?.lowercased() ?? "identity"
        switch encoding {
        case "identity", "": return answer(request, reply, request.body)
        case "gzip": break
        default:
            return refuse(
                request,
                reply,
                415,
                cause: "unsupported_encoding",
                "content encoding \(LabelSet.quoted(encoding)) is not supported; send gzip or none"
            )
        }
        do {
            let plain = try Gzip.decompress(request.body.span, limit: settings.decompressedMax)
            return answer(request, reply, plain)
        } catch CompressionError.tooLarge {
            return refuse(
                request,
                reply,
                413,
                cause: "decompressed_too_large",
                "the body decompresses to more than \(settings.decompressedMax) bytes; lower "
                    + "send_batch_max_size or raise sources.http_ingest.max_decoded"
            )
        } catch {
            return refuse(request, reply, 400, cause: "malformed", "\(error)")
        }
    }

    private func answer(
        _ request: HTTPRequest,
        _ reply: OTLPReply,
        _ body: [UInt8]
    ) -> HTTPResponse {
        let batch: OTLPLogBatch
        do {
            batch = try decoder.decode(body.span, reply.encoding, arrival: clock.now())
        } catch {
            switch error {
            case .malformed(let reason):
                return refuse(
                    request,
                    reply,
                    400,
                    cause: "malformed",
                    "not an ExportLogsServiceRequest: \(reason)"
                )
            case .tooLarge(let reason):
                return refuse(request, reply, 413, cause: "decoded_too_large", reason)
            }
        }
        if batch.records.isEmpty {
            sources.succeeded(Self.source)
        } else if case .overloaded(let retryAfter, let reason) = admission.admit(
            batch.records,
            from: Self.source
        ) {
            var response = reply.failure(503, reason)
            let seconds = max(1, Int(retryAfter.inSeconds.rounded(.up)))
            response.headers.append(("Retry-After", "\(seconds)"))
            return response
        }
        records.add(batch.records.count)
        guard batch.rejected > 0 else { return reply.success() }
        let reason = "\(batch.rejected) log records were rejected: \(batch.firstRejection)"
        sources.refused(
            Self.source,
            cause: "invalid_record",
            count: batch.rejected,
            "OTLP logs from \(request.remote): \(reason)"
        )
        return reply.partialSuccess(rejected: batch.rejected, reason)
    }

    private func refuse(
        _ request: HTTPRequest,
        _ reply: OTLPReply,
        _ status: Int,
        cause: String,
        _ reason: String
    ) -> HTTPResponse {
        sources.refused(
            Self.source,
            cause: cause,
            "OTLP logs from \(request.remote): \(reason)"
        )
        return reply.failure(status, reason)
    }
}
