import Compression
package import HTTPServer
package import Ingest
package import Model
package import Telemetry
import Timekeeping
import WireFormats

/// Answers `POST /api/v1/write`: Prometheus remote write 1.0.
///
/// A sender repeats a request on 5xx and drops it on other errors, so: what cannot succeed by repeating is 400
/// (and the good samples of the request are kept), what may pass is 503 with `Retry-After`. A new series over a
/// store's limit is 400 too: the sender would otherwise hold back all series behind it until somebody raises
/// the limit.
///
/// | status | when |
/// | --- | --- |
/// | 204 | everything is in, or was there already; invalid label sets are left out and counted |
/// | 400 | undecodable; or some samples were refused, and the rest is in |
/// | 413 | the body, or what it declares to decompress to, is over the limit |
/// | 415 | another content type or encoding, remote write 2.0 among them |
/// | 503 | overloaded, nothing is in; `Retry-After` says when to come again |
///
/// - Source: Prometheus `storage/remote/write_handler.go`.
package struct RemoteWriteHandler: Sendable {
    /// The source's name at the door.
    package static let source = "remote_write"

    private let settings: RemoteWriteSettings
    private let admission: any SampleAdmitting
    private let sources: SourceRegistry
    private let catalogue: MetadataCatalogue
    private let skipped: (exemplars: Counter, histograms: Counter)
    private let answers: @Sendable (Int) -> Counter

    package init(
        settings: RemoteWriteSettings = RemoteWriteSettings(),
        admission: any SampleAdmitting,
        sources: SourceRegistry,
        catalogue: MetadataCatalogue,
        metrics: MetricsRegistry
    ) {
        self.settings = settings
        self.catalogue = catalogue
        self.admission = admission
        self.sources = sources
        func counter(_ kind: String) -> Counter {
            metrics.counter(
                "tocsin_remote_write_skipped",
                help: "Parts of remote write requests that are not kept, by kind.",
                labels: [("kind", kind)]
            )
        }
        skipped = (counter("exemplar"), counter("histogram"))
        answers = { status in
            metrics.counter(
                "tocsin_remote_write_requests",
                help: "Remote write requests by answer.",
                labels: [("status", "\(status)")]
            )
        }
        sources.declare(Self.source, isOn: true)
    }

    /// The route; it blocks on the store, so it runs on a worker.
    package var route: HTTPRoute {
        HTTPRoute(
            "POST",
            "/api/v1/write",
            bodyMax: settings.bodyMax,
            bodyAdvice: Self.bodyAdvice,
            .blocking { handle($0) }
        )
    }

    private static let bodyAdvice =
        "lower max_samples_per_send in the sender's queue_config or raise "
        + "sources.http_ingest.max_body"

    /// Answers one request.
    package func handle(_ request: HTTPRequest) -> HTTPResponse {
        let response = answer(request)
        answers(response.status).add()
        return response
    }

    private func answer(_ request: HTTPRequest) -> HTTPResponse {
        if let problem = unsupported(request) {
            return refuse(request, 415, cause: "unsupported_media_type", problem)
        }
        guard request.body.count <= settings.bodyMax else {
            return refuse(
                request,
                413,
                cause: "body_too_large",
                "the body has \(request.body.count) bytes, over the limit of \(settings.bodyMax); "
                    + Self.bodyAdvice
            )
        }
        let decoded: WriteRequest
        do {
            decoded = try WriteRequestDecoder.decode(
                try Snappy.decompress(request.body.span, limit: settings.decodedMax)
            )
        } catch let error as CompressionError {
            guard case .tooLarge = error else {
                return refuse(
                    request,
                    400,
                    cause: "malformed",
                    "\(error); send the snappy block format"
                )
            }
            return refuse(
                request,
                413,
                cause: "decoded_too_large",
                "\(error); lower max_samples_per_send in the sender's queue_config or raise "
                    + "sources.http_ingest.max_decoded"
            )
        } catch {
            return refuse(
                request,
                400,
                cause: "malformed",
                "not a prometheus.WriteRequest message: \(error) of the decompressed body"
            )
        }
        skipped.exemplars.add(decoded.exemplars)
        skipped.histograms.add(decoded.histograms)
        for one in decoded.descriptions { catalogue.note(one.metric, one.metadata) }
        switch admission.admit(decoded.batch, from: Self.source) {
        case .overloaded(let retryAfter, let reason):
            var response = text(503, reason)
            let seconds = max(1, Int(retryAfter.inSeconds.rounded(.up)))
            response.headers.append(("Retry-After", "\(seconds)"))
            return response
        case .admitted(let result): return answer(result)
        }
    }

    private func answer(_ result: AppendResult) -> HTTPResponse {
        // As in Prometheus, a label set that no series may have is left out and counted, and the answer is good.
        let refused = result.refused.filter { $0.key != .invalidLabels && $0.value > 0 }
        guard !refused.isEmpty else { return HTTPResponse(status: 204) }
        let causes = refused.sorted { $0.key.rawValue < $1.key.rawValue }
            .map { "\($0.value) \($0.key.rawValue)" }.joined(separator: ", ")
        return text(
            400,
            "\(refused.values.reduce(0, +)) samples refused (\(causes)), \(result.accepted) taken: "
                + (result.firstRefusal ?? "")
        )
    }

    /// Why the request is not remote write 1.0 in snappy's block format; nil when it is.
    ///
    /// A missing type means 1.0 and a missing encoding snappy, as in Prometheus.
    private func unsupported(_ request: HTTPRequest) -> String? {
        if let type = request.header("content-type"), !type.isEmpty {
            let parts = type.split(separator: ";").map { part in
                part.filter { $0 != " " && $0 != "\t" && $0 != "\"" }
            }
            let message = parts.dropFirst().first { $0.lowercased().hasPrefix("proto=") }?
                .dropFirst(6)
            guard parts.first?.lowercased() == "application/x-protobuf",
                message == nil || message == "prometheus.WriteRequest"
            else {
                return
                    "content type \(LabelSet.quoted(type)) is not supported; send remote write 1.0 "
                    + "(application/x-protobuf;proto=prometheus.WriteRequest): in Prometheus set "
                    + "protobuf_message: prometheus.WriteRequest under remote_write"
            }
        }
        if let encoding = request.header("content-encoding"), !encoding.isEmpty,
            encoding.lowercased() != "snappy"
        {
            return "content encoding \(LabelSet.quoted(encoding)) is not supported; send snappy's "
                + "block format"
        }
        return nil
    }

    private func refuse(
        _ request: HTTPRequest,
        _ status: Int,
        cause: String,
        _ reason: String
    ) -> HTTPResponse {
        sources.refused(Self.source, cause: cause, "remote write from \(request.remote): \(reason)")
        return text(status, reason)
    }

    private func text(_ status: Int, _ reason: String) -> HTTPResponse {
        HTTPResponse(status: status, contentType: "text/plain; charset=utf-8", reason + "\n")
    }
}
