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
        var testDescription: String { "\(what): \(status)" }
    }

    static let cases: [Case] = [
        Case(what: "good", status: 204),
        Case(what: "no headers", headers: [], status: 204),
        Case(
            what: "1.0 by name",
            headers: [("content-type", "application/x-protobuf; proto=prometheus.WriteRequest")],
            status: 204
        ),
        Case(
            what: "2.0",
            headers: [
                ("content-type", "application/x-protobuf;proto=io.prometheus.write.v2.Request")
            ],
            status: 415,
            words: ["remote write 1.0", "prometheus.WriteRequest"]
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

    @Test(arguments: cases)
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
        if test.status == 204 { #expect(door.samples == 2) }
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
