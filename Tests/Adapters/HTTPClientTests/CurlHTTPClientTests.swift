import Foundation
import HTTPServer
import ServiceRuntime
import Telemetry
import TestSupport
import Testing

@testable import HTTPClient

@Suite struct CurlHTTPClientTests {
    struct Exchange: CustomTestStringConvertible, Sendable {
        var method: String
        var body = ""
        var headers: [(name: String, value: String)] = []
        var seen: String
        var testDescription: String { "\(method) with \(body.utf8.count) bytes and \(headers)" }
    }

    @Test(arguments: [
        Exchange(method: "GET", seen: "GET\nuser-agent: test/1\naccept: */*\n\n"),
        Exchange(
            method: "POST",
            seen: "POST\nuser-agent: test/1\naccept: */*\ncontent-length: 0\n\n"
        ),
        Exchange(
            method: "POST",
            body: "{}",
            headers: [("Content-Type", "application/json"), ("X-Empty", "")],
            seen:
                "POST\nuser-agent: test/1\naccept: */*\ncontent-type: application/json\nx-empty: \n"
                + "content-length: 2\n\n{}"
        ),
        Exchange(
            method: "PUT",
            body: "x",
            headers: [("Accept", "text/plain")],
            seen: "PUT\nuser-agent: test/1\naccept: text/plain\ncontent-length: 1\n\nx"
        ),
        Exchange(
            method: "PATCH",
            body: "x",
            seen: "PATCH\nuser-agent: test/1\naccept: */*\ncontent-length: 1\n\nx"
        ),
        Exchange(method: "DELETE", seen: "DELETE\nuser-agent: test/1\naccept: */*\n\n"),
        Exchange(
            method: "GET",
            body: "q",
            seen: "GET\nuser-agent: test/1\naccept: */*\ncontent-length: 1\n\nq"
        ),
    ])
    func `a request arrives as it was given`(_ entry: Exchange) async throws {
        let fixture = try ClientFixture()
        let request = HTTPClientRequest(
            method: entry.method,
            url: fixture.base + "/echo",
            headers: entry.headers,
            body: Array(entry.body.utf8)
        )
        #expect(try await fixture.text(request) == entry.seen)
    }

    @Test func `a reply has its status, its headers in lower case, and its body`() async throws {
        let fixture = try ClientFixture()
        let reply = try await fixture.client.send(HTTPClientRequest(url: fixture.base + "/echo"))
        #expect(reply.status == 200)
        #expect(reply.header("x-two-words") == "one two")
        #expect(reply.header("x-empty") == "")
        #expect(reply.header("content-length") == "\(reply.body.count)")
        let head = try await fixture.client.send(
            HTTPClientRequest(method: "HEAD", url: fixture.base + "/bytes/9")
        )
        #expect(head.header("content-length") == "9" && head.body.isEmpty)
        let missing = try await fixture.client.send(HTTPClientRequest(url: fixture.base + "/none"))
        #expect(missing.status == 404)
        #expect(fixture.outcomes("2xx") == 2 && fixture.outcomes("4xx") == 1)
    }

    @Test func `a large body goes out whole and without waiting for 100 Continue`() async throws {
        let fixture = try ClientFixture()
        let body = String(repeating: "0123456789", count: 500_000)
        let seen = try await fixture.text(
            HTTPClientRequest(method: "POST", url: fixture.base + "/echo", body: Array(body.utf8))
        )
        #expect(!seen.prefix(200).contains("expect"))
        #expect(seen.hasSuffix("\n\n" + body))
    }

    @Test func `a redirect is an answer and is not followed`() async throws {
        let fixture = try ClientFixture()
        let reply = try await fixture.client.send(HTTPClientRequest(url: fixture.base + "/moved"))
        #expect(reply.status == 302)
        #expect(reply.header("location") == "/echo")
    }

    @Test func `requests one after the other share a connection, those at once do not mix`()
        async throws
    {
        let fixture = try ClientFixture()
        for _ in 0..<5 {
            _ = try await fixture.text(HTTPClientRequest(url: fixture.base + "/echo"))
        }
        let accepted = fixture.metrics.counter(
            "tocsin_connections_accepted",
            help: "",
            labels: [("listener", "http")]
        )
        #expect(accepted.value == 1)
        try await withThrowingTaskGroup(of: (Int, Int).self) { group in
            for count in 0..<100 {
                group.addTask {
                    let url = fixture.base + "/bytes/\(count * 100)"
                    return (
                        count * 100,
                        try await fixture.client.send(HTTPClientRequest(url: url)).body.count
                    )
                }
            }
            for try await (asked, got) in group { #expect(asked == got) }
        }
        #expect(accepted.value <= 9)
    }

    @Test func `a reply exactly at its limit is read, one byte more is refused`() async throws {
        let fixture = try ClientFixture()
        let url = fixture.base + "/bytes/100000"
        #expect(
            try await fixture.client.send(HTTPClientRequest(url: url, replyMax: 100_000)).body.count
                == 100_000
        )
        await #expect(
            throws: HTTPClientError.replyTooLarge(
                host: "127.0.0.1:\(fixture.server.port)",
                limit: 99999
            )
        ) {
            try await fixture.client.send(HTTPClientRequest(url: url, replyMax: 99999))
        }
        #expect(fixture.outcomes("too_large") == 1)
    }

    @Test func `nobody listening is refused in plain words`() async throws {
        let fixture = try ClientFixture()
        // Port 1 on a loopback address that no test listens on.
        let error = await #expect(throws: HTTPClientError.self) {
            try await fixture.client.send(
                HTTPClientRequest(url: "http://user:secret@127.0.0.44:1/path?key=secret")
            )
        }
        #expect(error == .unreachable(host: "127.0.0.44:1", reason: "connection refused"))
        #expect(error?.description == "cannot reach 127.0.0.44:1: connection refused")
        #expect(fixture.outcomes("unreachable") == 1)
    }

    @Test func `a host that does not exist is named`() async throws {
        let fixture = try ClientFixture()
        await #expect(
            throws: HTTPClientError.unreachable(
                host: "no.such.host.invalid",
                reason: "could not resolve host"
            )
        ) {
            try await fixture.client.send(HTTPClientRequest(url: "http://no.such.host.invalid/"))
        }
    }

    @Test func `a server that never answers is given up after the timeout`() async throws {
        let fixture = try ClientFixture()
        let host = "127.0.0.1:\(fixture.server.port)"
        await #expect(throws: HTTPClientError.timeout(host: host, after: .milliseconds(50))) {
            try await fixture.client.send(
                HTTPClientRequest(url: fixture.base + "/never", timeout: .milliseconds(50))
            )
        }
    }

    @Test func `cancelling the task cancels the transfer`() async throws {
        let fixture = try ClientFixture()
        let task = Task {
            await #expect(throws: HTTPClientError.cancelled) {
                try await fixture.client.send(
                    HTTPClientRequest(url: fixture.base + "/never", timeout: .seconds(60))
                )
            }
        }
        await offPool { fixture.asked.wait() }
        task.cancel()
        _ = await task.value
        // A task that is cancelled already sends nothing.
        let late = Task {
            unsafe withUnsafeCurrentTask { task in unsafe task?.cancel() }
            await #expect(throws: HTTPClientError.cancelled) {
                try await fixture.client.send(HTTPClientRequest(url: fixture.base + "/never"))
            }
        }
        _ = await late.value
        #expect(fixture.outcomes("cancelled") == 2)
        #expect(fixture.asked.wait(timeout: .now()) == .timedOut)
    }

    @Test func `stopping cancels what is under way and what comes after`() async throws {
        let fixture = try ClientFixture()
        let task = Task {
            await #expect(throws: HTTPClientError.cancelled) {
                try await fixture.client.send(
                    HTTPClientRequest(url: fixture.base + "/never", timeout: .seconds(60))
                )
            }
        }
        await offPool {
            fixture.asked.wait()
            fixture.client.stop()
        }
        _ = await task.value
        await #expect(throws: HTTPClientError.cancelled) {
            try await fixture.client.send(HTTPClientRequest(url: fixture.base + "/echo"))
        }
    }

    @Test func `more requests than the limit are refused`() async throws {
        let fixture = try ClientFixture(HTTPClientSettings(transfersMax: 1))
        let url = fixture.base
        let task = Task {
            try await fixture.client.send(
                HTTPClientRequest(url: url + "/never", timeout: .seconds(60))
            )
        }
        await offPool { fixture.asked.wait() }
        let error = await #expect(throws: HTTPClientError.self) {
            try await fixture.client.send(HTTPClientRequest(url: url + "/echo"))
        }
        #expect(
            error
                == .unreachable(
                    host: "127.0.0.1:\(fixture.server.port)",
                    reason: "more than 1 requests are under way"
                )
        )
        task.cancel()
        _ = await task.result
    }

    @Test func `a host outside the policy is not asked`() async throws {
        let fixture = try ClientFixture(allow: { $0.host != "127.0.0.1" })
        let host = "127.0.0.1:\(fixture.server.port)"
        await #expect(
            throws: HTTPClientError.invalidURL("\(host): requests to this host are not allowed")
        ) { try await fixture.client.send(HTTPClientRequest(url: fixture.base + "/echo")) }
    }

    struct Malformed: CustomTestStringConvertible, Sendable {
        var request: HTTPClientRequest
        var error: HTTPClientError
        var testDescription: String { error.description }

        static func header(_ name: String, _ value: String, _ reason: String) -> Malformed {
            Malformed(
                request: HTTPClientRequest(url: "http://h/", headers: [(name, value)]),
                error: .invalidURL("h: \(reason)")
            )
        }
    }

    private static let control = "holds a line end or another control character"
    private static let name = "a header's name is not made of letters and -"

    @Test(
        arguments: [
            .header("X", "a\r\nY: b", "the value of header X \(control)"),
            .header("X", "a\nb", "the value of header X \(control)"),
            .header(
                "Authorization",
                "Bearer secret\n",
                "the value of header Authorization \(control)"
            ),
            .header("X", "a\0b", "the value of header X \(control)"),
            .header("X: a\r\nY", "b", name), .header("", "b", name), .header("X Y", "b", name),
            .header("Content-Length", "5", "header Content-Length is the client's own to set"),
            .header(
                "Transfer-Encoding",
                "chunked",
                "header Transfer-Encoding is the client's own to set"
            ),
            Malformed(
                request: HTTPClientRequest(method: "GET / HTTP/1.1\r\nX: y", url: "http://h/"),
                error: .invalidURL("h: the method is no HTTP method")
            ),
            Malformed(
                request: HTTPClientRequest(url: "ftp://u:secret@h/secret"),
                error: .invalidURL("ftp://h/...")
            ),
            Malformed(request: HTTPClientRequest(url: "h/secret"), error: .invalidURL("h/...")),
            Malformed(request: HTTPClientRequest(url: ""), error: .invalidURL("")),
            Malformed(request: HTTPClientRequest(url: "http://"), error: .invalidURL("http://")),
            Malformed(
                request: HTTPClientRequest(url: "http://h/a b"),
                error: .invalidURL("http://h/...")
            ),
            Malformed(
                request: HTTPClientRequest(url: "http://h/\r\nX: y"),
                error: .invalidURL("http://h/...")
            ),
            Malformed(
                request: HTTPClientRequest(url: "http://h:99999/?secret"),
                error: .invalidURL("http://h:99999/...")
            ),
            Malformed(
                request: HTTPClientRequest(url: "file:///etc/passwd"),
                error: .invalidURL("file:///...")
            ),
        ] as [Malformed]
    )
    func `a request that would mean something else is refused, and no secret is shown`(
        _ entry: Malformed
    ) async throws {
        let client = CurlHTTPClient(log: .silent, metrics: MetricsRegistry())
        try client.start()
        await #expect(throws: entry.error) { try await client.send(entry.request) }
        #expect(!entry.error.description.contains("secret"))
    }

    struct Broken: CustomTestStringConvertible, Sendable {
        var answer: String
        var reason: String
        var testDescription: String { "\(answer.debugDescription): \(reason)" }
    }

    @Test(arguments: [
        Broken(answer: "", reason: "the connection was closed without an answer"),
        Broken(answer: "no HTTP at all", reason: "the answer is no HTTP"),
        Broken(
            answer: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
            reason: "the answer was cut short"
        ),
        Broken(
            answer: "HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 5000) + "\r\n\r\n",
            reason: "the answer's headers are too long"
        ),
    ])
    func `a broken answer is told apart`(_ entry: Broken) async throws {
        let loop = try EventLoop(name: "broken")
        try loop.start()
        defer { loop.stop() }
        let listener = try TCPListener(
            address: "127.0.0.1:0",
            setting: "",
            name: "broken",
            loop: loop,
            log: .silent,
            metrics: MetricsRegistry()
        ) { _ in CannedAnswer(entry.answer) }
        listener.start()
        let client = CurlHTTPClient(
            log: .silent,
            metrics: MetricsRegistry(),
            settings: HTTPClientSettings(replyHeadMax: 4096)
        )
        try client.start()
        let host = "127.0.0.1:\(listener.port)"
        await #expect(throws: HTTPClientError.unreachable(host: host, reason: entry.reason)) {
            try await client.send(HTTPClientRequest(url: "http://\(host)/"))
        }
        client.stop()
    }

    @Test func `TLS to a port without it fails as TLS`() async throws {
        let fixture = try ClientFixture()
        let host = "127.0.0.1:\(fixture.server.port)"
        let error = await #expect(throws: HTTPClientError.self) {
            try await fixture.client.send(HTTPClientRequest(url: "https://\(host)/echo"))
        }
        guard case .tls(host, _) = error else {
            Issue.record("no TLS error: \(String(describing: error))")
            return
        }
    }

    @Test func `the environment's proxy is used, in a process of its own`() async {
        await #expect(processExitsWith: .success) {
            let fixture = try ClientFixture()
            unsafe setenv("http_proxy", fixture.base, 1)
            let seen = try await fixture.text(
                HTTPClientRequest(url: "http://no.such.host.invalid/echo")
            )
            #expect(seen.hasPrefix("GET\n"))
        }
    }
}

/// Answers anything with fixed bytes and closes.
private final class CannedAnswer: ConnectionHandler {
    private let answer: [UInt8]

    init(_ answer: String) { self.answer = Array(answer.utf8) }

    func received(_ bytes: Span<UInt8>, on connection: TCPConnection) -> Int {
        connection.send(answer)
        connection.closeWhenSent(by: .now() + .seconds(10))
        return bytes.count
    }

    func inputEnded(on connection: TCPConnection) { connection.close() }

    func deadlinePassed(on connection: TCPConnection) {}

    func closed(_ reason: CloseReason, on connection: TCPConnection) {}
}

/// Runs what blocks on a thread of its own, so that tasks find theirs.
private func offPool(_ body: @escaping @Sendable () -> Void) async {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread {
            body()
            continuation.resume()
        }
    }
}
