import Compression
import HTTPServer
import Ingest
import Model
import RemoteWriteIngest
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timekeeping

@Suite struct RemoteWriteHandlerTests {
    /// A door that answers as it is told.
    final class Door: SampleAdmitting {
        let outcome: AdmissionOutcome
        private let taken = Mutex(0)

        init(_ outcome: AdmissionOutcome) { self.outcome = outcome }

        var samples: Int { taken.withLock { $0 } }

        func admit(_ batch: SampleBatch, from source: String) -> AdmissionOutcome {
            if case .admitted = outcome { taken.withLock { $0 += batch.sampleCount } }
            return outcome
        }
    }

    static let body: [UInt8] = {
        var writer = ProtobufWriter()
        writer.series([("__name__", "up"), ("job", "a")], [(1000, 1), (2000, 2)])
        return (try? Snappy.compress(writer.bytes.span)) ?? []
    }()

    static func refusing(_ causes: [(RefusalCause, Int)], accepted: Int = 5) -> AdmissionOutcome {
        var result = AppendResult()
        result.accepted = accepted
        for (cause, count) in causes {
            result.refuse(cause, samples: count, "series up{}: \(cause.rawValue)")
        }
        return .admitted(result)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var what: String
        var headers: [(name: String, value: String)] = [
            ("content-type", "application/x-protobuf"), ("content-encoding", "snappy"),
            ("x-prometheus-remote-write-version", "0.1.0"),
        ]
        var body = RemoteWriteHandlerTests.body
        var outcome = RemoteWriteHandlerTests.refusing([])
        var status: Int
        var words: [String] = []
        var retryAfter: String?
        /// Samples that the answer says are written; nil: it says nothing of that.
        var written: String?
        var testDescription: String { "\(what): \(status)" }
    }

    static let version2 = [
        (
            name: "content-type",
            value: "application/x-protobuf;proto=io.prometheus.write.v2.Request"
        ),
        (name: "content-encoding", value: "snappy"),
        (name: "x-prometheus-remote-write-version", value: "2.0.0"),
    ]

    /// Two samples, and so many other parts.
    static func body2(
        histograms: Int = 0,
        exemplars: Int = 0,
        _ more: (inout RequestV2Writer) -> Void = { _ in }
    ) -> [UInt8] {
        var writer = RequestV2Writer()
        let up = [("__name__", "up"), ("job", "a")]
        writer.series(
            up,
            [
                .init(timestamp: 1000, value: 1, start: 5),
                .init(timestamp: 2000, value: 2, start: 5),
            ],
            exemplars: exemplars
        )
        if histograms > 0 { writer.series(up, [], histograms: histograms) }
        more(&writer)
        return (try? Snappy.compress(writer.message().span)) ?? []
    }

    /// An outcome in which these were new.
    static func taking(_ accepted: Int, duplicates: Int = 0) -> AdmissionOutcome {
        var result = AppendResult()
        result.accepted = accepted
        result.duplicates = duplicates
        return .admitted(result)
    }

    static let cases2: [Case] = [
        Case(
            what: "2.0",
            headers: version2,
            body: body2(),
            outcome: taking(2),
            status: 204,
            written: "2"
        ),
        Case(
            what: "2.0 in other letters",
            headers: [
                (
                    "content-type",
                    "Application/X-Protobuf; Proto=\"io.prometheus.write.v2.Request\""
                )
            ],
            body: body2(),
            outcome: taking(2),
            status: 204,
            written: "2"
        ),
        Case(
            what: "2.0 sent again",
            headers: version2,
            body: body2(),
            outcome: taking(1, duplicates: 1),
            status: 204,
            written: "2"
        ),
        Case(
            what: "2.0 of nothing",
            headers: version2,
            body: (try? Snappy.compress(RequestV2Writer().message().span)) ?? [],
            status: 204,
            written: "0"
        ),
        Case(
            what: "2.0 with histograms",
            headers: version2,
            body: body2(histograms: 3),
            outcome: taking(2),
            status: 400,
            words: ["3 native histograms are not kept", "send_native_histograms: false"],
            written: "2"
        ),
        Case(
            what: "2.0 with exemplars",
            headers: version2,
            body: body2(exemplars: 1),
            outcome: taking(2),
            status: 400,
            words: ["1 exemplars are not kept", "send_exemplars: false"],
            written: "2"
        ),
        Case(
            what: "2.0 with labels that refer to nothing",
            headers: version2,
            body: body2 { writer in
                writer.series { series in
                    series.packed(1, [1, 99])
                    series.sampleV2(.init(timestamp: 1, value: 1))
                }
            },
            outcome: taking(2),
            status: 400,
            words: ["1 series with 1 samples left out", "string 99"],
            written: "2"
        ),
        Case(
            what: "2.0 refused in part",
            headers: version2,
            body: body2(),
            outcome: refusing([(.outOfOrder, 1)], accepted: 1),
            status: 400,
            words: ["1 samples refused (1 out_of_order), 1 taken"],
            written: "1"
        ),
        Case(
            what: "2.0 with labels that no series may have",
            headers: version2,
            body: body2(),
            outcome: refusing([(.invalidLabels, 1)], accepted: 1),
            status: 400,
            words: ["1 invalid_labels"],
            written: "1"
        ),
        Case(
            what: "2.0 overloaded",
            headers: version2,
            body: body2(),
            outcome: .overloaded(retryAfter: .milliseconds(1500), reason: "behind"),
            status: 503,
            words: ["behind"],
            retryAfter: "2",
            written: "0"
        ),
        Case(
            what: "2.0 that is none",
            headers: version2,
            body: (try? Snappy.compress([0x22, 9, 1].span)) ?? [],
            status: 400,
            words: ["not an io.prometheus.write.v2.Request message", "at byte 1"],
            written: "0"
        ),
        Case(
            what: "2.0 without snappy",
            headers: version2,
            body: Array("hello".utf8),
            status: 400,
            words: ["snappy"],
            written: "0"
        ),
        Case(
            what: "2.0 whose labels are too large written out",
            headers: version2,
            body: body2 { writer in
                for time in 0..<20 as Range<Int64> {
                    writer.series(
                        [("a", String(repeating: "v", count: 1000))],
                        [.init(timestamp: time, value: 1)]
                    )
                }
            },
            status: 413,
            words: ["10000 bytes written out", "sources.http_ingest.max_decoded"],
            written: "0"
        ),
        Case(
            what: "a version that does not exist",
            headers: [
                ("content-type", "application/x-protobuf;proto=io.prometheus.write.v3.Request")
            ],
            status: 415,
            words: ["io.prometheus.write.v2.Request", "prometheus.WriteRequest"]
        ),
    ]

    static let cases: [Case] = [
        Case(what: "good", status: 204),
        Case(what: "no headers", headers: [], status: 204),
        Case(
            what: "1.0 by name",
            headers: [("content-type", "application/x-protobuf; proto=prometheus.WriteRequest")],
            status: 204
        ),
        Case(
            what: "json",
            headers: [("content-type", "application/json")],
            status: 415,
            words: ["application/json"]
        ),
        Case(what: "gzip", headers: [("content-encoding", "gzip")], status: 415, words: ["snappy"]),
        Case(what: "Snappy in capitals", headers: [("content-encoding", "Snappy")], status: 204),
        Case(what: "no snappy", body: Array("hello".utf8), status: 400, words: ["snappy"]),
        Case(what: "an empty body", body: [], status: 400, words: ["snappy"]),
        Case(
            what: "snappy of no protobuf",
            body: (try? Snappy.compress([0x0a, 9, 1].span)) ?? [],
            status: 400,
            words: ["at byte 1"]
        ),
        Case(
            what: "a body over the limit",
            body: [UInt8](repeating: 1, count: 2001),
            status: 413,
            words: ["2001 bytes", "2000", "sources.http_ingest.max_body"]
        ),
        Case(
            what: "a declared size over the limit",
            body: [0xff, 0xff, 0xff, 0xff, 0x0f],
            status: 413,
            words: ["10000 bytes", "sources.http_ingest.max_decoded"]
        ),
        Case(
            what: "out of order",
            outcome: refusing([(.outOfOrder, 2)]),
            status: 400,
            words: ["2 samples refused (2 out_of_order), 5 taken", "up{}"]
        ),
        Case(what: "another value", outcome: refusing([(.duplicateTimestamp, 1)]), status: 400),
        Case(what: "too old", outcome: refusing([(.tooOld, 1)]), status: 400),
        Case(what: "too far ahead", outcome: refusing([(.tooFarInFuture, 1)]), status: 400),
        Case(
            what: "a new series over the limit does not hold up the others",
            outcome: refusing([(.seriesLimit, 3), (.memoryLimit, 1)]),
            status: 400,
            words: ["4 samples refused (1 memory_limit, 3 series_limit)"]
        ),
        Case(what: "too many labels", outcome: refusing([(.labelLimit, 1)]), status: 400),
        Case(
            what: "invalid labels are left out",
            outcome: refusing([(.invalidLabels, 3)]),
            status: 204
        ),
        Case(
            what: "overloaded",
            outcome: .overloaded(retryAfter: .milliseconds(1500), reason: "behind"),
            status: 503,
            words: ["behind"],
            retryAfter: "2"
        ),
    ]

    @Test(arguments: cases + cases2)
    func answers(_ test: Case) {
        let metrics = MetricsRegistry()
        let clock = ManualClock()
        let sources = SourceRegistry(clock: clock, metrics: metrics)
        let door = Door(test.outcome)
        let handler = RemoteWriteHandler(
            settings: RemoteWriteSettings(bodyMax: 2000, decodedMax: 10000),
            admission: door,
            sources: sources,
            catalogue: MetadataCatalogue(metrics: metrics),
            metrics: metrics
        )
        let response = handler.handle(
            HTTPRequest(
                method: "POST",
                path: "/api/v1/write",
                headers: test.headers,
                body: test.body,
                remote: "10.0.3.7:5"
            )
        )
        #expect(response.status == test.status)
        let text = String(decoding: response.body, as: UTF8.self)
        for word in test.words { #expect(text.contains(word), "\(word) in \(text)") }
        #expect(text.isEmpty == (test.status == 204))
        #expect(response.headers.first { $0.name == "Retry-After" }?.value == test.retryAfter)
        func written(_ part: String) -> String? {
            response.headers.first { $0.name == "X-Prometheus-Remote-Write-\(part)-Written" }?.value
        }
        #expect(written("Samples") == test.written)
        #expect(written("Histograms") == test.written.map { _ in "0" })
        #expect(written("Exemplars") == test.written.map { _ in "0" })
        let counted = metrics.counter(
            "tocsin_remote_write_requests",
            help: "",
            labels: [("status", "\(test.status)")]
        )
        #expect(counted.value == 1)
        if [413, 415].contains(test.status) {
            #expect(sources.statuses.first?.advice.contains("10.0.3.7") == true)
            #expect(sources.statuses.first?.refused.values.reduce(0, +) == 1)
        }
        if test.status == 204, test.written != "0" { #expect(door.samples == 2) }
    }

    @Test func truncationAtEveryByteIs400AndNothingIsKept() {
        let door = Door(Self.refusing([]))
        let metrics = MetricsRegistry()
        let handler = RemoteWriteHandler(
            admission: door,
            sources: SourceRegistry(clock: ManualClock(), metrics: metrics),
            catalogue: MetadataCatalogue(metrics: metrics),
            metrics: metrics
        )
        for count in 0..<Self.body.count {
            let request = HTTPRequest(
                method: "POST",
                path: "/api/v1/write",
                body: Array(Self.body.prefix(count))
            )
            #expect(handler.handle(request).status == 400)
        }
        #expect(door.samples == 0)
    }
}
