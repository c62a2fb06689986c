import Compression
import EFKIngest
import HTTPClient
import HTTPServer
import Ingest
import Model
import OTLPIngest
import RemoteWriteIngest
import ScrapeIngest
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timekeeping

/// What each protocol is told when the stores are full.
///
/// Nothing is taken, nothing is kept in a queue, and the sender is asked, in its own words, to come again. When there is
/// room, the same goes in.
@Suite struct BackPressureTests {
    /// A door that is full for so many tries, then lets everything in.
    final class Door: SampleAdmitting, LogAdmitting {
        private let tries: Mutex<(full: Int, turnedAway: Int, taken: Int)>

        init(full: Int) { tries = Mutex((full, 0, 0)) }

        func admit(_ batch: SampleBatch, from source: String) -> AdmissionOutcome {
            admit(batch.sampleCount)
        }

        func admit(_ records: [LogRecord], from source: String) -> AdmissionOutcome {
            admit(records.count)
        }

        private func admit(_ count: Int) -> AdmissionOutcome {
            tries.withLock { tries in
                guard tries.full == 0 else {
                    tries.full -= 1
                    tries.turnedAway += 1
                    return .overloaded(
                        retryAfter: .milliseconds(1500),
                        reason: "the store is behind"
                    )
                }
                tries.taken += count
                var result = AppendResult()
                result.accepted = count
                return .admitted(result)
            }
        }

        var turnedAway: Int { tries.withLock { $0.turnedAway } }
        var taken: Int { tries.withLock { $0.taken } }
    }

    /// One protocol.
    enum Way: String, CaseIterable {
        case remoteWrite, otlpProtobuf, otlpJSON, forward, scrape
    }

    struct Case: CustomTestStringConvertible {
        var way: Way
        /// Tries that the door turns away before there is room.
        var full: Int
        var answer: String
        /// Samples or records in, in the end.
        var taken: Int

        var testDescription: String { "\(way.rawValue), \(full) times full" }
    }

    @Test(arguments: [
        Case(way: .remoteWrite, full: 0, answer: "204", taken: 1),
        Case(
            way: .remoteWrite,
            full: 1,
            answer: "503 Retry-After 2: the store is behind",
            taken: 0
        ),
        Case(way: .otlpProtobuf, full: 0, answer: "200", taken: 1),
        // google.rpc.Status: code 14, UNAVAILABLE.
        Case(
            way: .otlpProtobuf,
            full: 1,
            answer: "503 Retry-After 2: \u{8}\u{e}\u{12}\u{13}the store is behind",
            taken: 0
        ),
        Case(way: .otlpJSON, full: 0, answer: "200: {\"partialSuccess\":{}}", taken: 1),
        Case(
            way: .otlpJSON,
            full: 1,
            answer: "503 Retry-After 2: {\"code\":14,\"message\":\"the store is behind\"}",
            taken: 0
        ),
        Case(way: .forward, full: 0, answer: "ack after 0 tries", taken: 1),
        // The ack is withheld while there is no room.
        Case(way: .forward, full: 2, answer: "ack after 2 tries", taken: 1),
        Case(way: .scrape, full: 0, answer: "stored after 0 tries", taken: 6),
        // The page waits for its turn, within the target's interval.
        Case(way: .scrape, full: 3, answer: "stored after 3 tries", taken: 6),
        // The page is given up when the target's next slot comes, and counted; so is what it says of the scrape.
        Case(way: .scrape, full: 1000, answer: "dropped: overloaded 6", taken: 0),
    ])
    func eachInItsOwnWords(_ test: Case) async throws {
        let door = Door(full: test.full)
        #expect(try await answer(test.way, door) == test.answer)
        #expect(door.taken == test.taken)
    }

    private func answer(_ way: Way, _ door: Door) async throws -> String {
        let clock = ManualClock()
        let metrics = MetricsRegistry()
        let sources = SourceRegistry(clock: clock, metrics: metrics)
        let catalogue = MetadataCatalogue(metrics: metrics)
        switch way {
        case .remoteWrite:
            let handler = RemoteWriteHandler(
                admission: door,
                sources: sources,
                catalogue: catalogue,
                metrics: metrics
            )
            let series: [UInt8] =
                [0x0a, 0x0e, 0x0a, 0x08] + Array("__name__".utf8) + [0x12, 0x02]
                + Array("up".utf8) + [0x12, 0x0b, 0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0x10, 0x01]
            let message = [0x0a, UInt8(series.count)] + series
            return text(
                handler.handle(
                    HTTPRequest(
                        method: "POST",
                        path: "/api/v1/write",
                        body: try Snappy.compress(message.span)
                    )
                )
            )
        case .otlpProtobuf, .otlpJSON:
            let isJSON = way == .otlpJSON
            // A gauge m with one point.
            let message: [UInt8] = [
                0x0a, 0x16, 0x12, 0x14, 0x12, 0x12, 0x0a, 0x01, 0x6d, 0x2a, 0x0d, 0x0a, 0x0b, 0x19,
                1,
                0, 0, 0, 0, 0, 0, 0, 0x40, 0x00,
            ]
            let json =
                #"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","gauge":"#
                + #"{"dataPoints":[{"timeUnixNano":"1","asInt":"1"}]}}]}]}]}"#
            let handler = OTLPMetricsHandler(
                admission: door,
                sources: sources,
                catalogue: catalogue,
                clock: clock,
                metrics: metrics
            )
            return text(
                handler.handle(
                    HTTPRequest(
                        method: "POST",
                        path: "/v1/metrics",
                        headers: [
                            ("content-type", isJSON ? "application/json" : "application/x-protobuf")
                        ],
                        body: isJSON ? Array(json.utf8) : message
                    )
                )
            )
        case .forward: return try forward(door, sources, clock, metrics)
        case .scrape: return await scrape(door, sources, catalogue, clock, metrics)
        }
    }

    private func text(_ response: HTTPResponse) -> String {
        var text = "\(response.status)"
        if let retry = response.headers.first(where: { $0.name == "Retry-After" }) {
            text += " Retry-After \(retry.value)"
        }
        let body = String(decoding: response.body, as: UTF8.self)
        return body.isEmpty ? text : text + ": " + body.filter { $0 != "\n" }
    }

    private func forward(
        _ door: Door,
        _ sources: SourceRegistry,
        _ clock: ManualClock,
        _ metrics: MetricsRegistry
    ) throws -> String {
        let server = ForwardServer(
            settings: ForwardSettings { $0.listen = "127.0.0.1:0" },
            admission: door,
            sources: sources,
            clock: clock,
            metrics: metrics,
            log: .silent
        )
        try server.start()
        defer { server.stop() }
        let peer = try LoopbackPeer(port: server.port ?? 0)
        // ["t", 1, {"log": "x"}, {"chunk": "c"}]
        try peer.send(
            [0x94, 0xa1, 0x74, 0x01, 0x81, 0xa3] + Array("log".utf8) + [0xa1, 0x78, 0x81, 0xa5]
                + Array("chunk".utf8) + [0xa1, 0x63]
        )
        // {"ack": "c"}
        let ack = try peer.receive(exactly: 7)
        guard ack == [0x81, 0xa3] + Array("ack".utf8) + [0xa1, 0x63] else { return "\(ack)" }
        return "ack after \(door.turnedAway) tries"
    }

    /// Answers every scrape with one sample.
    private struct OnePage: HTTPSending {
        func send(
            _ request: HTTPClientRequest
        ) async throws(HTTPClientError) -> HTTPClientReply {
            HTTPClientReply(status: 200, body: Array("m 1\n".utf8))
        }
    }

    /// Moves the clock instead of waiting.
    private struct SteppingSleeper: Sleeper {
        let clock: ManualClock

        func sleep(for duration: Duration) async throws { clock.advance(by: duration) }
    }

    private func scrape(
        _ door: Door,
        _ sources: SourceRegistry,
        _ catalogue: MetadataCatalogue,
        _ clock: ManualClock,
        _ metrics: MetricsRegistry
    ) async -> String {
        let scraper = Scraper(
            http: OnePage(),
            admission: door,
            sources: sources,
            catalogue: catalogue,
            clock: clock,
            sleeper: SteppingSleeper(clock: clock),
            log: .silent,
            metrics: metrics
        )
        var job = ScrapeJob(name: "j", location: SourceLocation(file: "f", line: 1, column: 1))
        job.interval = .seconds(10)
        job.groups = [TargetGroup(addresses: ["a:1"], labels: [])]
        var settings = ScrapeSettings()
        settings.jobs = [job]
        scraper.update(settings)
        var isDone: Bool { door.taken > 0 || sources.statuses.first?.refused["overloaded"] == 6 }
        for _ in 0..<200 where !isDone {
            await scraper.advance(at: clock.now())
            clock.advance(by: .milliseconds(100))
        }
        if let dropped = sources.statuses.first?.refused["overloaded"] {
            return "dropped: overloaded \(dropped)"
        }
        return "stored after \(door.turnedAway) tries"
    }
}
