import Dispatch
import HTTPServer
import Synchronization
import Telemetry

@testable import HTTPClient

/// A client and a server on loopback that tells what it was asked.
final class ClientFixture: Sendable {
    let client: CurlHTTPClient
    let server: HTTPServer
    let metrics = MetricsRegistry()
    /// Signalled when `/never` is asked.
    let asked = DispatchSemaphore(value: 0)

    var base: String { "http://127.0.0.1:\(server.port)" }

    init(
        _ settings: HTTPClientSettings = HTTPClientSettings(userAgent: "test/1"),
        allow: @escaping @Sendable (HTTPOrigin) -> Bool = { _ in true }
    ) throws {
        client = CurlHTTPClient(log: .silent, metrics: metrics, settings: settings, allow: allow)
        let asked = asked
        let methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        server = HTTPServer(
            settings: HTTPServerSettings(listen: "127.0.0.1:0"),
            routes: methods.map {
                HTTPRoute($0, "/echo", bodyMax: 8 << 20, .inline(ClientFixture.echo))
            }
                + [
                    HTTPRoute("GET", "/bytes/{count}", .inline(ClientFixture.bytes)),
                    HTTPRoute(
                        "GET",
                        "/moved",
                        .inline { _ in HTTPResponse(status: 302, headers: [("Location", "/echo")]) }
                    ),
                    HTTPRoute(
                        "GET",
                        "/never",
                        .async { _ in
                            asked.signal()
                            // Cut short by the server's stop.
                            do { try await Task.sleep(for: .seconds(3600)) } catch {}
                            return HTTPResponse(status: 500)
                        }
                    ),
                ],
            log: .silent,
            metrics: metrics
        )
        try server.start()
        try client.start()
    }

    deinit {
        client.stop()
        server.stop(drain: .zero)
    }

    /// Method, then each header but Host, then the body, one a line.
    private static func echo(_ request: HTTPRequest) -> HTTPResponse {
        let headers = request.headers.filter { $0.name != "host" }.map {
            "\($0.name): \($0.value)\n"
        }
        let text = "\(request.method)\n\(headers.joined())\n"
        return HTTPResponse(
            status: 200,
            headers: [("X-Two-Words", "  one two "), ("X-Empty", "")],
            body: Array(text.utf8) + request.body
        )
    }

    private static func bytes(_ request: HTTPRequest) -> HTTPResponse {
        let count = Int(request.pathParameters["count"] ?? "") ?? 0
        return HTTPResponse(status: 200, body: [UInt8](repeating: 7, count: count))
    }

    func text(_ request: HTTPClientRequest) async throws -> String {
        String(decoding: try await client.send(request).body, as: UTF8.self)
    }

    func outcomes(_ outcome: String) -> Int {
        metrics.counter("tocsin_http_client_requests", help: "", labels: [("outcome", outcome)])
            .value
    }
}
