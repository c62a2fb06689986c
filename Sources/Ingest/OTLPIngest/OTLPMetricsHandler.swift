import Compression
package import HTTPServer
package import Ingest
package import Model
package import Telemetry
package import Timekeeping
import WireFormats

/// Answers OTLP metrics over HTTP, in protobuf and in JSON.
///
/// | status | when |
/// | --- | --- |
/// | 200 | everything is in, or what is not is told as partial success: the sender does not repeat it |
/// | 400 | undecodable |
/// | 413 | the body, or what it unpacks to, is over the limit |
/// | 415 | another content type or encoding |
/// | 503 | overloaded, nothing is in; `Retry-After` says when to come again |
///
/// - Source: OTLP 1.x over HTTP; names and labels as Prometheus 3 translates them.
package struct OTLPMetricsHandler: Sendable {
    /// The source's name at the door.
    package static let source = "otlp"

    /// Where Prometheus, collectors and SDKs send to.
    package static let paths = ["/v1/metrics", "/otlp/v1/metrics", "/api/v1/otlp/v1/metrics"]

    private let settings: OTLPMetricsSettings
    private let admission: any SampleAdmitting
    private let sources: SourceRegistry
    private let catalogue: MetadataCatalogue
    private let clock: any WallClock
    private let sums: DeltaSums
    private let answers: @Sendable (Int) -> Counter

    package init(
        settings: OTLPMetricsSettings = OTLPMetricsSettings(),
        admission: any SampleAdmitting,
        sources: SourceRegistry,
        catalogue: MetadataCatalogue,
        clock: any WallClock,
        metrics: MetricsRegistry
    ) {
        self.settings = settings
        self.admission = admission
        self.sources = sources
        self.catalogue = catalogue
        self.clock = clock
        let sums = DeltaSums(seriesMax: settings.deltaSeriesMax)
        self.sums = sums
        answers = { status in
            metrics.counter(
                "tocsin_otlp_requests",
                help: "OTLP requests for metrics by answer.",
                labels: [("status", "\(status)")]
            )
        }
        metrics.collect {
            [
                MetricFamily(
                    "tocsin_otlp_delta_series",
                    help: "Series that delta points are added up for.",
                    kind: .gauge,
                    points: [MetricPoint([], Double(sums.count))]
                )
            ]
        }
        sources.declare(Self.source, isOn: true)
    }

    /// The routes; they block on the store, so they run on a worker.
    package var routes: [HTTPRoute] {
        Self.paths.map { path in
            HTTPRoute(
                "POST",
                path,
                bodyMax: settings.bodyMax,
                bodyAdvice: Self.bodyAdvice,
                .blocking { handle($0) }
            )
        }
    }

    private static let bodyAdvice =
        "have the collector send smaller batches (send_batch_max_size) or raise "
        + "sources.http_ingest.max_body"

    /// Answers one request.
    package func handle(_ request: HTTPRequest) -> HTTPResponse {
        let response = answer(request)
        answers(response.status).add()
        return response
    }

    private func answer(_ request: HTTPRequest) -> HTTPResponse {
        let type = (request.header("content-type") ?? "").prefix { $0 != ";" && $0 != " " }
            .lowercased()
        let isJSON = type == "application/json"
        guard isJSON || type == "application/x-protobuf" else {
            return refuse(
                request,
                415,
                isJSON: false,
                cause: "unsupported_media_type",
                "content type \(LabelSet.quoted(String(type))) is not supported; send "
                    + "application/x-protobuf or application/json"
            )
        }
        let decoded: OTLPMetrics
        do {
            let body = try unpacked(request)
            decoded =
                try isJSON
                ? OTLPMetricsJSON.decode(body.span) : OTLPMetricsDecoder.decode(body.span)
        } catch let problem as Unpacking {
            return refuse(
                request,
                problem.status,
                isJSON: isJSON,
                cause: problem.cause,
                problem.reason
            )
        } catch {
            return refuse(
                request,
                400,
                isJSON: isJSON,
                cause: "malformed",
                "not an ExportMetricsServiceRequest: \(error) of the unpacked body"
            )
        }
        let translation = OTLPTranslation(decoded, promoted: settings.promoted)
        for one in translation.descriptions { catalogue.note(one.metric, one.metadata) }
        return admit(translation, request, isJSON: isJSON)
    }

    /// Why a body cannot be unpacked.
    private struct Unpacking: Error {
        var status: Int
        var cause: String
        var reason: String
    }

    private func unpacked(_ request: HTTPRequest) throws(Unpacking) -> [UInt8] {
        switch (request.header("content-encoding") ?? "").lowercased() {
        case "", "identity": return request.body
        case "gzip":
            do throws(CompressionError) {
                return try Gzip.decompress(request.body.span, limit: settings.decodedMax)
            } catch {
                guard case .tooLarge = error else {
                    throw Unpacking(status: 400, cause: "malformed", reason: "\(error)")
                }
                throw Unpacking(
                    status: 413,
                    cause: "decoded_too_large",
                    reason:
                        "\(error); send smaller batches or raise sources.http_ingest.max_decoded"
                )
            }
        case let other:
            throw Unpacking(
                status: 415,
                cause: "unsupported_media_type",
                reason:
                    "content encoding \(LabelSet.quoted(other)) is not supported; send gzip or none"
            )
        }
    }

    // MARK: Letting in

    private func admit(
        _ translation: OTLPTranslation,
        _ request: HTTPRequest,
        isJSON: Bool
    ) -> HTTPResponse {
        guard !translation.deltas.isEmpty else {
            return answer(
                admission.admit(translation.batch, from: Self.source),
                translation,
                DeltaSums.Added(batch: SampleBatch()),
                isJSON: isJSON
            )
        }
        sums.forgetIdle(at: clock.now().milliseconds)
        let (outcome, added) = sums.admit(translation) { added in
            let outcome = admission.admit(added.batch, from: Self.source)
            if case .admitted = outcome { return (outcome, true) }
            return (outcome, false)
        }
        return answer(outcome, translation, added, isJSON: isJSON)
    }

    private func answer(
        _ outcome: AdmissionOutcome,
        _ translation: OTLPTranslation,
        _ added: DeltaSums.Added,
        isJSON: Bool
    ) -> HTTPResponse {
        switch outcome {
        case .overloaded(let retryAfter, let reason):
            var response = OTLPAnswer.failure(503, isJSON: isJSON, .unavailable, reason)
            let seconds = max(1, Int(retryAfter.inSeconds.rounded(.up)))
            response.headers.append(("Retry-After", "\(seconds)"))
            return response
        case .admitted(let result):
            var rejected = translation.rejected
            var reasons = [translation.firstRejection]
            if translation.rejected > 0 {
                sources.refused(
                    Self.source,
                    cause: "unsupported",
                    count: translation.rejected,
                    translation.firstRejection
                )
            }
            if added.overLimit > 0 {
                let reason =
                    "\(added.overLimit) delta points of new series are over the limit of "
                    + "\(settings.deltaSeriesMax) series; send cumulative points or raise "
                    + "sources.http_ingest.max_delta_series"
                sources.refused(Self.source, cause: "delta_limit", count: added.overLimit, reason)
                rejected += added.overLimit
                reasons.append(reason)
            }
            if added.old > 0 {
                sources.dropped(Self.source, cause: "repeated_delta", count: added.old)
            }
            let refused = result.refused.values.reduce(0, +)
            rejected = min(translation.points, rejected + refused)
            if let first = result.firstRefusal { reasons.append(first) }
            return OTLPAnswer.success(
                isJSON: isJSON,
                rejected: rejected,
                reasons.filter { !$0.isEmpty }.joined(separator: "; ")
            )
        }
    }

    private func refuse(
        _ request: HTTPRequest,
        _ status: Int,
        isJSON: Bool,
        cause: String,
        _ reason: String
    ) -> HTTPResponse {
        sources.refused(Self.source, cause: cause, "OTLP from \(request.remote): \(reason)")
        return OTLPAnswer.failure(
            status,
            isJSON: isJSON,
            status == 413 ? .resourceExhausted : .invalidArgument,
            reason
        )
    }
}
