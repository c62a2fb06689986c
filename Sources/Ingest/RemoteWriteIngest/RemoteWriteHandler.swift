import Compression
package import HTTPServer
package import Ingest
package import Model
package import Telemetry
import Timekeeping
import WireFormats

/// Answers `POST /api/v1/write`: Prometheus remote write 1.0 and 2.0, told apart by the content type.
///
/// A sender repeats a request on 5xx and drops it on other errors, so: what cannot succeed by repeating is 400
/// (and the good samples of the request are kept), what may pass is 503 with `Retry-After`. A new series over a
/// store's limit is 400 too: the sender would otherwise hold back all series behind it until somebody raises
/// the limit.
///
/// | status | when |
/// | --- | --- |
/// | 204 | everything is in, or was there already; of 1.0 invalid label sets are left out and counted |
/// | 400 | undecodable; or some samples were refused, and the rest is in; of 2.0 also when parts are not kept |
/// | 413 | the body, or what it declares to decompress to, is over the limit |
/// | 415 | another content type or encoding |
/// | 503 | overloaded, nothing is in; `Retry-After` says when to come again |
///
/// Answers to 2.0 say how much was written (`X-Prometheus-Remote-Write-Samples-Written` and its like). Its
/// specification allows 2xx only when all parts are, so native histograms and exemplars, which are not kept, are 400.
///
/// - Source: Prometheus `storage/remote/write_handler.go`; the Remote-Write 2.0 specification, release candidate 4.
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
        guard let version = version(request) else {
            return refuse(
                request,
                415,
                cause: "unsupported_media_type",
                unsupportedType(request)
            )
        }
        if let problem = unsupportedEncoding(request) {
            return refuse(request, 415, cause: "unsupported_media_type", problem)
        }
        var response = answer(request, version)
        if version == .v2 { Self.completeWritten(&response) }
        return response
    }

    private func answer(_ request: HTTPRequest, _ version: Version) -> HTTPResponse {
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
            let message = try Snappy.decompress(request.body.span, limit: settings.decodedMax)
            switch version {
            case .v1: decoded = try WriteRequestDecoder.decode(message)
            case .v2:
                decoded = try WriteRequestV2Decoder.decode(
                    message,
                    labelBytesMax: settings.decodedMax
                )
            }
        } catch let error as CompressionError {
            guard case .tooLarge = error else {
                return refuse(
                    request,
                    400,
                    cause: "malformed",
                    "\(error); send the snappy block format"
                )
            }
            return tooLarge(request, "\(error)")
        } catch WriteRequestV2Error.labelsTooLarge(let limit) {
            return tooLarge(request, "\(WriteRequestV2Error.labelsTooLarge(limit: limit))")
        } catch {
            return refuse(
                request,
                400,
                cause: "malformed",
                "not \(version.article) \(version.rawValue) message: \(error) of the decompressed body"
            )
        }
        skipped.exemplars.add(decoded.exemplars)
        skipped.histograms.add(decoded.histograms)
        for one in decoded.descriptions { catalogue.note(one.metric, one.metadata) }
        if let fault = decoded.faults.first {
            sources.refused(
                Self.source,
                cause: "malformed",
                "remote write from \(request.remote): \(fault)"
            )
        }
        // Nothing is asked of the store for a request that held nothing for it.
        let outcome =
            decoded.batch.entries.isEmpty && version == .v2
            ? .admitted(AppendResult()) : admission.admit(decoded.batch, from: Self.source)
        switch outcome {
        case .overloaded(let retryAfter, let reason):
            var response = text(503, reason)
            let seconds = max(1, Int(retryAfter.inSeconds.rounded(.up)))
            response.headers.append(("Retry-After", "\(seconds)"))
            return response
        case .admitted(let result):
            switch version {
            case .v1: return answer(result)
            case .v2: return answer(decoded, result)
            }
        }
    }

    private func answer(_ result: AppendResult) -> HTTPResponse {
        // As in Prometheus, a label set that no series may have is left out and counted, and the answer is good.
        guard let refusal = refusal(result, result.refused.filter { $0.key != .invalidLabels })
        else { return HTTPResponse(status: 204) }
        return text(400, refusal)
    }

    /// Which samples the store refused, in words; nil when it refused none.
    private func refusal(_ result: AppendResult, _ causes: [RefusalCause: Int]) -> String? {
        let refused = causes.filter { $0.value > 0 }
        guard !refused.isEmpty else { return nil }
        let causes = refused.sorted { $0.key.rawValue < $1.key.rawValue }
            .map { "\($0.value) \($0.key.rawValue)" }.joined(separator: ", ")
        return
            "\(refused.values.reduce(0, +)) samples refused (\(causes)), \(result.accepted) taken: "
            + (result.firstRefusal ?? "")
    }

    /// The answer to 2.0: good only when every part is written.
    private func answer(_ request: WriteRequest, _ result: AppendResult) -> HTTPResponse {
        var problems: [String] = []
        if let refusal = refusal(result, result.refused) { problems.append(refusal) }
        if let fault = request.faults.first {
            problems.append(
                "\(request.faults.series) series with \(request.faults.samples) samples left out: \(fault)"
            )
        }
        if request.histograms > 0 {
            problems.append(
                "\(request.histograms) native histograms are not kept: set send_native_histograms: "
                    + "false under remote_write, or drop them with write_relabel_configs"
            )
        }
        if request.exemplars > 0 {
            problems.append(
                "\(request.exemplars) exemplars are not kept: set send_exemplars: false under "
                    + "remote_write"
            )
        }
        var response =
            problems.isEmpty
            ? HTTPResponse(status: 204) : text(400, problems.joined(separator: "\n"))
        // What was there already, bit for bit, is written too: a sender that comes again may know.
        response.headers.append((Self.samplesWritten, "\(result.accepted + result.duplicates)"))
        return response
    }

    private static let samplesWritten = "X-Prometheus-Remote-Write-Samples-Written"

    /// Says of each part how much was written; of what an answer does not say, nothing was.
    private static func completeWritten(_ response: inout HTTPResponse) {
        for name in [
            samplesWritten, "X-Prometheus-Remote-Write-Histograms-Written",
            "X-Prometheus-Remote-Write-Exemplars-Written",
        ] where !response.headers.contains(where: { $0.name == name }) {
            response.headers.append((name, "0"))
        }
    }

    // MARK: What was sent

    /// The message of a request, by its name in the content type.
    private enum Version: String {
        case v1 = "prometheus.WriteRequest"
        case v2 = "io.prometheus.write.v2.Request"

        var article: String { self == .v1 ? "a" : "an" }
    }

    /// Which message a request says it holds; nil when it is none of both.
    ///
    /// A missing type means 1.0, as in Prometheus.
    private func version(_ request: HTTPRequest) -> Version? {
        guard let type = request.header("content-type"), !type.isEmpty else { return .v1 }
        let parts = type.split(separator: ";").map { part in
            part.filter { $0 != " " && $0 != "\t" && $0 != "\"" }
        }
        guard parts.first?.lowercased() == "application/x-protobuf" else { return nil }
        let message = parts.dropFirst().first { $0.lowercased().hasPrefix("proto=") }
        return message.map { Version(rawValue: String($0.dropFirst(6))) } ?? .v1
    }

    private func unsupportedType(_ request: HTTPRequest) -> String {
        "content type \(LabelSet.quoted(request.header("content-type") ?? "")) is not supported; send "
            + "remote write 2.0 (application/x-protobuf;proto=\(Version.v2.rawValue)) or 1.0 "
            + "(application/x-protobuf;proto=\(Version.v1.rawValue)): in Prometheus set "
            + "protobuf_message under remote_write"
    }

    /// Why the request is not in snappy's block format; nil when it is, or does not say.
    private func unsupportedEncoding(_ request: HTTPRequest) -> String? {
        guard let encoding = request.header("content-encoding"), !encoding.isEmpty,
            encoding.lowercased() != "snappy"
        else { return nil }
        return "content encoding \(LabelSet.quoted(encoding)) is not supported; send snappy's "
            + "block format"
    }

    // MARK: Refusing

    private func tooLarge(_ request: HTTPRequest, _ reason: String) -> HTTPResponse {
        refuse(
            request,
            413,
            cause: "decoded_too_large",
            "\(reason); lower max_samples_per_send in the sender's queue_config or raise "
                + "sources.http_ingest.max_decoded"
        )
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
