import Foundation
import HTTPClient
import HTTPServer
import Ingest
import Model
import Synchronization
import Telemetry
import Testing
import Timekeeping

@testable import Daemon

/// A folder with everything a daemon needs, a pager that listens, and daemons that live in it.
final class House: Sendable {
    let folder: String
    let pager = Pager()
    private let written = Mutex("")
    private let lastTime = Mutex<Int64>(0)

    /// Rules of one eager group whose slots never come within a test.
    static let rules = """
        groups:
          - name: live
            interval: 1h
            eager: true
            rules:
              - {alert: Down, expr: up == 0, labels: {severity: critical}}
        """

    init(rules: String = House.rules, host: String = "127.0.0.1") throws {
        folder = NSTemporaryDirectory() + "tocsin-daemon-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true
        )
        try pager.start()
        try write(
            "tocsin.yaml",
            """
            server: {listen: "\(host):0"}
            rules: ["\(folder)/rules.yaml"]
            store: {path: "${DATA}", retention: 1h, max_series: 10000}
            incidents: {file: "\(folder)/oncall.yaml"}
            """
        )
        try write("rules.yaml", rules)
        try write("oncall.yaml", onCall())
    }

    deinit {
        pager.stop()
        try? FileManager.default.removeItem(atPath: folder)
    }

    var settingsPath: String { folder + "/tocsin.yaml" }

    var environment: [String: String] { ["DATA": folder + "/data"] }

    /// Everything that daemons have logged.
    var log: String { written.withLock { $0 } }

    func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(filePath: folder + "/" + name))
    }

    /// An on-call file whose one receiver is the pager.
    func onCall(receiver: String = "hook") -> String {
        """
        receivers:
          - {name: \(receiver), webhook: {url: "http://\(pager.address)/", format: tocsin}}
        people: [{name: first, time_zone: UTC, contact: [\(receiver)]}]
        schedules: [{name: primary, time_zone: UTC, handoff: "Mon 09:00", members: [first]}]
        escalation: [{name: default, steps: [{notify: schedule/primary}], repeat: 1}]
        priorities:
          P1: {escalation: default, hours: always}
          P2: {escalation: default, hours: always}
          P3: {escalation: default, hours: always}
          P4: {escalation: default, hours: always}
        """
    }

    /// A daemon that does not run yet.
    func daemon() throws -> Daemon {
        let files = try LoadedFiles.load(settingsPath: settingsPath, environment: environment)
        return try Daemon(
            files: files,
            settingsPath: settingsPath,
            overrides: { _ in },
            environment: environment,
            log: Log(component: "test") { [weak self] line in
                self?.written.withLock { $0 += line }
            }
        )
    }

    /// Runs a daemon while `body` runs.
    func run(_ body: (Daemon) async throws -> Void) async throws {
        let daemon = try daemon()
        try await daemon.start()
        do {
            try await body(daemon)
        } catch {
            await daemon.stop()
            throw error
        }
        await daemon.stop()
    }

    /// Brings samples through the door, dated now and later than those before.
    func bring(_ samples: [(labels: LabelSet, value: Double)], to daemon: Daemon) {
        let now = SystemClock().now().milliseconds
        let time = lastTime.withLock { last in
            last = max(last + 1, now)
            return last
        }
        var batch = SampleBatch()
        for (labels, value) in samples {
            batch.append(labels, samples: [Sample(Timestamp(milliseconds: time), value)])
        }
        guard case .admitted(let result) = daemon.admission.admit(batch, from: "test") else {
            Issue.record("the batch was turned away")
            return
        }
        #expect(result.accepted == samples.count, "\(result)")
    }
}

/// A webhook receiver that keeps what it gets.
final class Pager: Sendable {
    struct Page: Hashable, Sendable {
        /// The same on every try.
        var id: String
        /// `opened`, `resolved` and the like.
        var kind: String
        var incident: String
        /// The incident's summary.
        var summary: String
    }

    private let server: HTTPServer
    private let pages: AsyncStream<Page>

    init() {
        let (stream, continuation) = AsyncStream<Page>.makeStream()
        pages = stream
        server = HTTPServer(
            settings: HTTPServerSettings(listen: "127.0.0.1:0"),
            routes: [
                HTTPRoute(
                    "POST",
                    "/",
                    .inline { request in
                        continuation.yield(Pager.page(request.body))
                        return HTTPResponse(status: 204)
                    }
                )
            ],
            log: .silent,
            metrics: MetricsRegistry()
        )
    }

    private static func page(_ body: [UInt8]) -> Page {
        let object = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any]
        let incident = object?["incident"] as? [String: Any]
        let type = object?["type"] as? String ?? ""
        return Page(
            id: object?["id"] as? String ?? "",
            kind: type.replacing("incident.", with: ""),
            incident: incident?["id"] as? String ?? "",
            summary: incident?["summary"] as? String ?? ""
        )
    }

    func start() throws { try server.start() }

    func stop() { server.stop(drain: .zero) }

    var address: String { server.address ?? "" }

    /// The next page, whenever it comes.
    func next() async throws -> Page {
        var iterator = pages.makeAsyncIterator()
        return try #require(await iterator.next())
    }
}

/// Calls of a daemon over its port.
struct Caller {
    let http: CurlHTTPClient
    let base: String

    /// Runs `body` with a caller of a running daemon.
    static func of(_ daemon: Daemon, _ body: (Caller) async throws -> Void) async throws {
        let http = CurlHTTPClient(log: .silent, metrics: MetricsRegistry())
        try http.start()
        defer { http.stop() }
        try await body(Caller(http: http, base: "http://\(try #require(daemon.address))"))
    }

    func call(
        _ method: String,
        _ target: String,
        headers: [(name: String, value: String)] = [],
        body: String = ""
    ) async throws -> (status: Int, text: String) {
        let reply = try await http.send(
            HTTPClientRequest(
                method: method,
                url: base + target,
                headers: headers,
                body: Array(body.utf8)
            )
        )
        return (reply.status, String(decoding: reply.body, as: UTF8.self))
    }
}
