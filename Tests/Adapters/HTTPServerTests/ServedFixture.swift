import Dispatch
import Synchronization
import Telemetry
import TestSupport
import Timekeeping

@testable import HTTPServer

/// A server on loopback with routes for tests; stopped when the last reference goes.
final class ServedFixture: Sendable {
    /// What the held handlers and the test tell each other.
    final class Gate: Sendable {
        /// Signalled when the handler of `/held` has begun; it ends on `release`.
        let begun = DispatchSemaphore(value: 0)
        let release = DispatchSemaphore(value: 0)
        /// Bodies that `/note` took.
        let notes = Mutex<[String]>([])
    }

    let server: HTTPServer
    let metrics = MetricsRegistry()
    let gate = Gate()

    init(
        _ adjust: (inout HTTPServerSettings) -> Void = { _ in },
        precheck: @escaping @Sendable (HTTPRequest) -> HTTPResponse? = { _ in nil },
        fallback: @escaping @Sendable (HTTPRequest, HTTPResponse) -> HTTPResponse = { $1 }
    ) throws {
        var settings = HTTPServerSettings(listen: "127.0.0.1:0")
        adjust(&settings)
        server = HTTPServer(
            settings: settings,
            routes: ServedFixture.routes(gate),
            log: .silent,
            metrics: metrics,
            clock: ManualClock(Timestamp(milliseconds: 784_111_777_000)),
            precheck: precheck,
            fallback: fallback
        )
        try server.start()
    }

    deinit {
        server.stop(drain: .zero)
    }

    private static func text(_ text: String) -> HTTPResponse {
        HTTPResponse(status: 200, contentType: "text/plain", text)
    }

    private static func echo(_ request: HTTPRequest) -> HTTPResponse {
        HTTPResponse(
            status: 200,
            headers: [("Content-Type", "application/octet-stream")],
            body: request.body
        )
    }

    private static func routes(_ gate: Gate) -> [HTTPRoute] {
        [
            HTTPRoute("GET", "/", .inline { _ in text("root") }),
            HTTPRoute("GET", "/say/{word}", .inline { text($0.pathParameters["word"] ?? "?") }),
            HTTPRoute(
                "GET",
                "/large",
                .inline { _ in text(String(repeating: "large ", count: 2_000_000)) }
            ),
            HTTPRoute(
                "GET",
                "/lines",
                .blocking { _ in text(String(repeating: "line\n", count: 4000)) }
            ),
            HTTPRoute(
                "GET",
                "/invalid",
                .inline { _ in HTTPResponse(status: 200, headers: [("X", "a\r\nb")]) }
            ),
            HTTPRoute("POST", "/inline", bodyMax: 64 << 20, .inline(echo)),
            HTTPRoute("POST", "/blocking", bodyMax: 64 << 20, .blocking(echo)),
            HTTPRoute("POST", "/task", bodyMax: 64 << 20, .async { echo($0) }),
            HTTPRoute("POST", "/small", bodyMax: 10, bodyAdvice: "send less", .inline(echo)),
            HTTPRoute(
                "POST",
                "/note",
                .blocking { request in
                    gate.begun.signal()
                    gate.release.wait()
                    gate.notes.withLock { $0.append(String(decoding: request.body, as: UTF8.self)) }
                    gate.begun.signal()
                    return text("noted")
                }
            ),
            HTTPRoute(
                "GET",
                "/held",
                .blocking { _ in
                    gate.begun.signal()
                    gate.release.wait()
                    return text("held")
                }
            ),
            HTTPRoute(
                "GET",
                "/forever",
                .async { _ in
                    gate.begun.signal()
                    // Ends when the server cancels it.
                    try? await Task.sleep(for: .seconds(3600))
                    gate.notes.withLock { $0.append("cancelled \(Task.isCancelled)") }
                    gate.begun.signal()
                    return text("late")
                }
            ),
        ]
    }

    /// Sends bytes, half-closes, and gives all that comes back with the Date header left out.
    func exchange(_ request: String) throws -> String {
        let peer = try LoopbackPeer(port: server.port)
        try peer.send(request)
        peer.endOutput()
        return String(decoding: try peer.receiveAll(), as: UTF8.self)
            .replacing("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", with: "")
    }

    func refused(_ reason: String) -> Int {
        metrics.counter("tocsin_http_refused", help: "", labels: [("reason", reason)]).value
    }
}
