package import CloudWatchIngest
import Compression
package import HTTPServer
package import Ingest
package import Model
import Synchronization
package import Telemetry
package import Timekeeping

/// Answers `POST /v1/firehose`: CloudWatch metric streams (JSON and OpenTelemetry 1.0) and subscriptions of CloudWatch
/// Logs, delivered by Amazon Data Firehose.
///
/// A request is let in whole or not at all, and answered when it is in the store and its log. Samples that come again
/// replace themselves; log events that come again are known by their id.
///
/// | status | when | what Firehose does |
/// | --- | --- | --- |
/// | 200 | everything is in; points that can never be are counted | goes on |
/// | 400 | cannot be read; nothing is in | tries again, then its bucket |
/// | 401, 403 | no access key, or a wrong one | tries again, then its bucket |
/// | 413 | over a limit, which the answer names; nothing is in | its bucket, at once |
/// | 503 | not now, nothing is in | tries again |
///
/// - Source: Data Firehose developer guide, "HTTP endpoint delivery request and response specifications".
package final class FirehoseHandler: Sendable {
    /// The source's name at the door for metrics.
    package static let source = "firehose"
    /// The source's name at the door for log events.
    package static let logSource = "firehose_logs"
    package static let path = "/v1/firehose"

    /// The doors that a request's contents go through, and who wants to know of them.
    package struct Doors: Sendable {
        package var samples: any SampleAdmitting
        package var records: any LogAdmitting
        package var selection: PushSelection
        /// Where earlier counts are looked up.
        package var store: any SeriesReading
        /// For those who pull; nil when nobody does.
        package var coverage: PushCoverage?

        package init(
            samples: any SampleAdmitting,
            records: any LogAdmitting,
            selection: PushSelection,
            store: any SeriesReading,
            coverage: PushCoverage? = nil
        ) {
            self.samples = samples
            self.records = records
            self.selection = selection
            self.store = store
            self.coverage = coverage
        }
    }

    private let settings: FirehoseSettings
    private let keys: AccessKeys
    private let doors: Doors
    private let silent: SilentCounters
    private let sources: SourceRegistry
    private let clock: any WallClock
    private let memory: DocumentMemory
    private let notices = StreamNotices()
    /// Requests with counters so far; held while they are looked up and let in, for two at once could each miss the
    /// other's counts.
    private let turn = Mutex(0)
    private let counts: FirehoseCounters

    package init(
        settings: FirehoseSettings = FirehoseSettings(),
        keys: AccessKeys,
        doors: Doors,
        sources: SourceRegistry,
        clock: any WallClock,
        metrics: MetricsRegistry
    ) {
        self.settings = settings
        self.keys = keys
        self.doors = doors
        self.sources = sources
        self.clock = clock
        silent = SilentCounters(selection: doors.selection, store: doors.store)
        memory = DocumentMemory(countMax: settings.logIDsMax)
        counts = FirehoseCounters(metrics)
        let selection = doors.selection
        metrics.collect {
            [
                MetricFamily(
                    "tocsin_firehose_known_metrics",
                    help: "Pushed metrics whose series are remembered.",
                    kind: .gauge,
                    points: [MetricPoint([], Double(selection.count))]
                )
            ]
        }
        sources.declare(Self.source, isOn: true)
    }

    /// The route; it blocks on the store, so it runs on a worker.
    package var route: HTTPRoute {
        HTTPRoute(
            "POST",
            Self.path,
            bodyMax: settings.bodyMax,
            bodyAdvice:
                "lower the buffer size of the Firehose stream or raise sources.firehose.max_body",
            .blocking { [self] in handle($0) }
        )
    }

    /// The server's own answers (body too long, too busy) in Firehose's words; others' are left alone.
    package static func serverAnswer(
        _ request: HTTPRequest,
        _ response: HTTPResponse,
        at now: Timestamp
    ) -> HTTPResponse {
        guard request.path == path, response.status >= 400 else { return response }
        var answer = FirehoseAnswer.failure(
            response.status,
            request.header("x-amz-firehose-request-id") ?? "",
            String(decoding: response.body, as: UTF8.self),
            at: now
        )
        answer.headers += response.headers.filter { $0.name.lowercased() != "content-type" }
        return answer
    }

    /// Answers one request.
    package func handle(_ request: HTTPRequest) -> HTTPResponse {
        var requestID = request.header("x-amz-firehose-request-id") ?? ""
        var problem: FirehoseProblem?
        do throws(FirehoseProblem) {
            try take(request, &requestID)
        } catch {
            problem = error
        }
        let response = answer(request, requestID, problem)
        counts.answered(response.status)
        return response
    }

    private func answer(
        _ request: HTTPRequest,
        _ requestID: String,
        _ problem: FirehoseProblem?
    ) -> HTTPResponse {
        let now = clock.now()
        guard let problem else { return FirehoseAnswer.success(requestID, at: now) }
        var response = FirehoseAnswer.failure(problem.status, requestID, problem.reason, at: now)
        if let pause = problem.retryAfter {
            let seconds = max(1, Int(pause.inSeconds.rounded(.up)))
            response.headers.append(("Retry-After", "\(seconds)"))
        } else {
            sources.refused(
                Self.source,
                cause: problem.cause,
                "Firehose\(FirehoseHandler.stream(request)) from \(request.remote): \(problem.reason)"
            )
        }
        return response
    }

    private func take(
        _ request: HTTPRequest,
        _ requestID: inout String
    ) throws(FirehoseProblem) {
        try check(request)
        let body = try unpacked(request)
        let envelope = try FirehoseEnvelope(body.span, settings)
        if requestID.isEmpty { requestID = envelope.requestID }
        let contents = try FirehoseContents(
            envelope.records,
            settings,
            selection: doors.selection,
            arrival: clock.now()
        )
        // Samples first: when the records have to come again, samples that did so too are only themselves again.
        try admitSamples(contents)
        try admitRecords(contents)
        note(contents, request)
    }

    // MARK: The request

    private func check(_ request: HTTPRequest) throws(FirehoseProblem) {
        guard let key = request.header("x-amz-firehose-access-key"), !key.isEmpty else {
            throw FirehoseProblem(
                status: 401,
                cause: "no_access_key",
                reason:
                    "the request has no access key; set that of sources.firehose.access_key_file "
                    + "as the access key of the Firehose stream's HTTP endpoint"
            )
        }
        guard keys.accepts(key) else {
            throw FirehoseProblem(
                status: 403,
                cause: "wrong_access_key",
                reason:
                    "the access key is not one of sources.firehose.access_key_file; set the Firehose "
                    + "stream's to one of them"
            )
        }
        let version = request.header("x-amz-firehose-protocol-version") ?? "1.0"
        guard version == "1.0" else {
            throw FirehoseProblem(
                status: 400,
                cause: "protocol_version",
                reason: "protocol version \(LabelSet.quoted(version)) is not 1.0"
            )
        }
        guard request.body.count <= settings.bodyMax else {
            throw .overLimit(
                "max_body",
                "the body has \(request.body.count) bytes, limit \(settings.bodyMax)"
            )
        }
    }

    private func unpacked(_ request: HTTPRequest) throws(FirehoseProblem) -> [UInt8] {
        switch (request.header("content-encoding") ?? "").lowercased() {
        case "", "identity": return request.body
        case "gzip":
            do throws(CompressionError) {
                return try Gzip.decompress(request.body.span, limit: settings.decodedMax)
            } catch {
                throw .unpacking(error, of: "the body", limit: "max_decoded")
            }
        case let other:
            throw FirehoseProblem(
                status: 415,
                cause: "unsupported_encoding",
                reason: "content encoding \(LabelSet.quoted(other)) is not supported; set the HTTP "
                    + "endpoint's to GZIP or to none"
            )
        }
    }

    /// ` stream NAME` as the request names its Firehose stream; empty when it does not.
    private static func stream(_ request: HTTPRequest) -> String {
        guard let source = request.header("x-amz-firehose-source-arn"),
            let name = source.split(separator: "/").last, name.utf8.count <= 64
        else { return "" }
        return " stream \(LabelSet.quoted(String(name)))"
    }

    // MARK: Letting in

    private func admitSamples(_ contents: FirehoseContents) throws(FirehoseProblem) {
        guard !contents.counters.isEmpty else { return try admit(contents.batch) }
        let outcome = turn.withLock { turn in
            turn += 1
            return Result { () throws(FirehoseProblem) in try admitWithZeros(contents) }
        }
        try outcome.get()
    }

    private func admitWithZeros(_ contents: FirehoseContents) throws(FirehoseProblem) {
        var contents = contents
        let zeros: [SilentCounters.Zeros]
        do throws(SeriesReadingError) {
            zeros = try silent.zeros(of: contents.counters)
        } catch {
            throw .comeAgain(.seconds(1), "\(error)")
        }
        contents.append(zeros: zeros)
        try admit(contents.batch)
        counts.filled(zeros.reduce(0) { $0 + $1.samples.count })
    }

    private func admit(_ batch: SampleBatch) throws(FirehoseProblem) {
        guard batch.sampleCount > 0 else { return }
        if case .overloaded(let pause, let reason) = doors.samples.admit(
            batch,
            from: Self.source
        ) {
            throw .comeAgain(pause, reason)
        }
    }

    private func admitRecords(_ contents: FirehoseContents) throws(FirehoseProblem) {
        guard !contents.records.isEmpty else { return }
        var contents = contents
        let ids = contents.identities.compactMap { $0 }
        var fresh: [UInt64] = []
        switch memory.begin(ids) {
        case .pending:
            throw .comeAgain(
                .seconds(1),
                "some of these log events are on their way in with another request; come again"
            )
        case .known(let known):
            fresh = zip(ids, known).compactMap { $1 ? nil : $0 }
            contents.leaveOut(known)
            counts.repeated(ids.count - fresh.count)
        }
        guard !contents.records.isEmpty else { return }
        switch doors.records.admit(contents.records, from: Self.logSource) {
        case .admitted: memory.finish(fresh)
        case .overloaded(let pause, let reason):
            memory.abandon(fresh)
            throw .comeAgain(pause, reason)
        }
    }

    /// Tells of a request that is in.
    private func note(_ contents: FirehoseContents, _ request: HTTPRequest) {
        let now = clock.now()
        counts.took(contents)
        sources.succeeded(Self.source)
        for (cause, refused) in contents.refused {
            sources.refused(
                Self.source,
                cause: cause,
                count: refused.count,
                "Firehose\(FirehoseHandler.stream(request)): \(refused.first)"
            )
        }
        doors.coverage?.note(contents.pushed, at: now)
        if let notice = notices.changed(contents, at: now) {
            sources.declare(Self.source, isOn: true, notice: notice)
        }
    }
}
