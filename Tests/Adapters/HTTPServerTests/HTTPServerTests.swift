import Dispatch
import Glibc
import ServiceRuntime
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import HTTPServer

@Suite(.blocking) struct HTTPServerTests {
    private static let ok = "HTTP/1.1 200 OK\r\n"

    private func get(_ path: String, _ headers: String = "") -> String {
        "GET \(path) HTTP/1.1\r\nHost: h\r\n\(headers)\r\n"
    }

    private func post(_ path: String, _ body: String, _ headers: String = "") -> String {
        "POST \(path) HTTP/1.1\r\nHost: h\r\n\(headers)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    private func answer(
        _ body: String,
        _ type: String = "text/plain",
        close: Bool = false
    ) -> String {
        "HTTP/1.1 200 OK\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n"
            + "\(close ? "Connection: close\r\n" : "")\r\n\(body)"
    }

    @Test func `pipelined requests are answered in order, whichever way they are handled`() throws {
        let served = try ServedFixture()
        let octets = "application/octet-stream"
        let answers = try served.exchange(
            get("/") + post("/blocking", "one") + post("/inline", "two") + post("/task", "three")
                + get("/say/a%2Fb") + post("/blocking", "four")
        )
        let expected =
            answer("root") + answer("one", octets) + answer("two", octets) + answer("three", octets)
            + answer("a/b") + answer("four", octets)
        // The last answer says that it is the last when the client's end was seen before it.
        #expect(answers.replacing("Connection: close\r\n", with: "") == expected)
    }

    @Test(arguments: [63, 64, 65, 128, 1000])
    func `many pipelined requests are all answered`(count: Int) throws {
        let served = try ServedFixture()
        let requests = (0..<count).map { get("/say/\($0)") }.joined()
        let peer = try LoopbackPeer(port: served.server.port)
        try peer.send(requests)
        for number in 0..<count {
            let end = "\r\n\r\n\(number)"
            #expect(try peer.receive(upTo: end).hasPrefix(HTTPServerTests.ok))
        }
    }

    @Test func `a byte at a time gives the same answers`() throws {
        let served = try ServedFixture()
        let peer = try LoopbackPeer(port: served.server.port)
        for byte in Array((get("/") + post("/blocking", "x") + get("/say/b")).utf8) {
            try peer.send([byte])
        }
        peer.endOutput()
        let all = String(decoding: try peer.receiveAll(), as: UTF8.self)
        #expect(all.split(separator: "root").count == 2)
        #expect(all.hasSuffix("\r\n\r\nb"))
    }

    struct Refusal: CustomTestStringConvertible, Sendable {
        var name: String
        var request: String
        var status: String
        var body: String
        var headers = ""
        var closes = true
        var reason: String?
        var testDescription: String { "\(name): \(status)" }
    }

    @Test(arguments: [
        Refusal(
            name: "an unknown path",
            request: "GET /none HTTP/1.1\r\nHost: h\r\n\r\n",
            status: "404 Not Found",
            body: "there is nothing at /none",
            closes: false
        ),
        Refusal(
            name: "a method the path does not have",
            request: "DELETE / HTTP/1.1\r\nHost: h\r\n\r\n",
            status: "405 Method Not Allowed",
            body: "DELETE is not allowed here; use one of GET, HEAD, OPTIONS",
            headers: "Allow: GET, HEAD, OPTIONS\r\n",
            closes: false
        ),
        Refusal(
            name: "an unknown path with a body",
            request: "POST /none HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
            status: "404 Not Found",
            body: "there is nothing at /none"
        ),
        Refusal(
            name: "a body whose length is over the limit, before it is sent",
            request: "POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n",
            status: "413 Content Too Large",
            body: "the body is longer than 10 bytes; send less",
            reason: "body_too_long"
        ),
        Refusal(
            name: "chunks over the limit",
            request: "POST /small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n",
            status: "413 Content Too Large",
            body: "the body is longer than 10 bytes; send less",
            reason: "body_too_long"
        ),
        Refusal(
            name: "bodies over the server's memory",
            request: "POST /inline HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\n",
            status: "503 Service Unavailable",
            body: "too many request bodies are under way; try again",
            headers: "Retry-After: 1\r\n",
            reason: "body_memory"
        ),
        Refusal(
            name: "a long target",
            request: "GET /" + String(repeating: "x", count: 200),
            status: "414 URI Too Long",
            body: "the request line is longer than 100 bytes",
            reason: "target_too_long"
        ),
        Refusal(
            name: "long headers",
            request: "GET / HTTP/1.1\r\nHost: h\r\nX: " + String(repeating: "x", count: 300),
            status: "431 Request Header Fields Too Large",
            body: "the headers are longer than 200 bytes",
            reason: "head_too_long"
        ),
        Refusal(
            name: "an ambiguous length",
            request: "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            status: "400 Bad Request",
            body: "there is more than one Content-Length",
            reason: "malformed"
        ),
    ])
    func `what is refused is refused with its reason`(_ entry: Refusal) throws {
        let served = try ServedFixture {
            $0.head = HTTPParserLimits(requestLineMax: 100, headerBytesMax: 200)
            $0.bodyBytesMax = 4096
        }
        // A second request shows whether the connection lives on.
        let next = "GET /say/next HTTP/1.1\r\nHost: h\r\n\r\n"
        let body = "\(entry.status): \(entry.body)\n"
        let expected =
            "HTTP/1.1 \(entry.status)\r\nContent-Type: text/plain; charset=utf-8\r\n\(entry.headers)"
            + "Content-Length: \(body.utf8.count)\r\n\(entry.closes ? "Connection: close\r\n" : "")\r\n\(body)"
        #expect(
            try served.exchange(entry.request + (entry.closes ? "" : next))
                == expected + (entry.closes ? "" : answer("next"))
        )
        if let reason = entry.reason { #expect(served.refused(reason) == 1) }
    }

    @Test func `the fallback rewrites refusals, the precheck comes before the body`() throws {
        let served = try ServedFixture(
            precheck: { request in
                request.header("x-key") == "good"
                    ? nil
                    : HTTPResponse(status: 401, contentType: "text/plain", "for \(request.route)")
            },
            fallback: { request, refusal in
                HTTPResponse(
                    status: refusal.status,
                    contentType: "application/json",
                    "{\"path\":\"\(request.path)\"}"
                )
            }
        )
        let refused = try served.exchange(
            "POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
        )
        #expect(refused.hasPrefix("HTTP/1.1 401 Unauthorized\r\n"))
        #expect(refused.hasSuffix("Connection: close\r\n\r\nfor /small"))
        let missing = try served.exchange(get("/none", "X-Key: good\r\n"))
        #expect(missing.hasPrefix("HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\n"))
        #expect(missing.hasSuffix("{\"path\":\"/none\"}"))
    }

    @Test func `HEAD has the headers of GET and no body, OPTIONS tells the methods`() throws {
        let served = try ServedFixture()
        let answers = try served.exchange(
            "HEAD / HTTP/1.1\r\nHost: h\r\n\r\nOPTIONS /inline HTTP/1.1\r\nHost: h\r\n\r\n"
                + "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"
        )
        #expect(
            answers == "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\n"
                + "HTTP/1.1 204 No Content\r\nAllow: OPTIONS, POST\r\n\r\n"
                + "HTTP/1.1 204 No Content\r\nAllow: GET, HEAD, OPTIONS, POST\r\n\r\n"
        )
    }

    @Test func `100 Continue is sent to a client that waits for it, and only to it`() throws {
        let served = try ServedFixture()
        let peer = try LoopbackPeer(port: served.server.port)
        try peer.send(
            "POST /inline HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        )
        #expect(try peer.receive(upTo: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
        try peer.send("ab")
        #expect(try peer.receive(upTo: "\r\n\r\nab").hasPrefix(HTTPServerTests.ok))
        // The body is there already.
        try peer.send(post("/inline", "cd", "Expect: 100-continue\r\n"))
        #expect(try peer.receive(upTo: "\r\n\r\ncd").hasPrefix(HTTPServerTests.ok))
    }

    @Test func `HTTP/1.0 and Connection: close end the connection, keep-alive keeps it`() throws {
        let served = try ServedFixture()
        let text = "Content-Type: text/plain\r\nContent-Length: 4\r\n"
        #expect(
            try served.exchange(
                "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n" + get("/")
            )
                == HTTPServerTests.ok + text + "Connection: keep-alive\r\n\r\nroot"
                + HTTPServerTests.ok + text + "Connection: close\r\n\r\nroot"
        )
        let closing = try served.exchange(get("/", "Connection: close\r\n") + get("/"))
        #expect(closing == answer("root", close: true))
    }

    @Test func `a handler whose answer would break the framing gives 500`() throws {
        let served = try ServedFixture()
        #expect(
            try served.exchange(get("/invalid")).hasPrefix("HTTP/1.1 500 Internal Server Error\r\n")
        )
    }

    @Test(arguments: ["/inline", "/blocking", "/task"])
    func `a body of 32 MiB comes back whole`(path: String) throws {
        let served = try ServedFixture()
        let block = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let peer = try LoopbackPeer(port: served.server.port)
        try peer.send("POST \(path) HTTP/1.1\r\nHost: h\r\nContent-Length: \(32 << 20)\r\n\r\n")
        for _ in 0..<32 { try peer.send(block) }
        _ = try peer.receive(upTo: "\r\n\r\n")
        for _ in 0..<32 { #expect(try peer.receive(exactly: 1 << 20) == block) }
    }

    @Test func `a reader that stalls holds back its own requests only`() throws {
        let served = try ServedFixture { $0.outputMax = 1 << 16 }
        let stalled = try LoopbackPeer(port: served.server.port, receiveBufferBytes: 4096)
        // Twelve megabytes each: together far over what the kernel takes.
        try stalled.send(get("/large") + get("/large") + get("/say/end"))
        #expect(try served.exchange(get("/")) == answer("root"))
        for _ in 0..<2 {
            #expect(try stalled.receive(upTo: "\r\n\r\n").contains("Content-Length: 12000000\r\n"))
            _ = try stalled.receive(exactly: 12_000_000)
        }
        #expect(try stalled.receive(upTo: "\r\n\r\nend").hasPrefix(HTTPServerTests.ok))
    }

    @Test func `a reader that never reads is let go`() throws {
        let served = try ServedFixture {
            $0.transferGrace = .milliseconds(20)
            $0.transferFloor = 1 << 40
            $0.idleTime = .milliseconds(20)
        }
        let stalled = try LoopbackPeer(port: served.server.port, receiveBufferBytes: 4096)
        try stalled.send(get("/large"))
        #expect(try stalled.receive(upTo: "\r\n\r\n").hasPrefix(HTTPServerTests.ok))
        // The rest ends early once the server has given up, however slowly it is taken then.
        while served.refused("slow_reader") == 0 { sched_yield() }
        #expect(try stalled.receiveAll().count < 12_000_000)
    }

    @Test func `slow headers are answered 408, silence with silence`() throws {
        let served = try ServedFixture { $0.headTime = .milliseconds(30) }
        var answer = ""
        // A machine that is busy for those 30 ms makes the beginning late too, and the close a silent one.
        for _ in 0..<100 where answer.isEmpty {
            let peer = try LoopbackPeer(port: served.server.port)
            do {
                try peer.send("GET / HTTP/1.1\r\nHost")
            } catch {
                continue
            }
            answer = String(decoding: try peer.receiveAll(), as: UTF8.self)
        }
        #expect(answer.hasPrefix("HTTP/1.1 408 Request Timeout\r\n"))
        #expect(served.refused("slow_head") == 1)
        let silent = try LoopbackPeer(port: served.server.port)
        #expect(try silent.receiveAll().isEmpty)
    }

    @Test func `slow bodies are answered 408`() throws {
        let served = try ServedFixture { $0.transferGrace = .milliseconds(30) }
        let peer = try LoopbackPeer(port: served.server.port)
        try peer.send("POST /inline HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab")
        let answer = String(decoding: try peer.receiveAll(), as: UTF8.self)
        #expect(answer.hasPrefix("HTTP/1.1 408 Request Timeout\r\n"))
        #expect(served.refused("slow_body") == 1)
    }

    @Test func `a kept connection that stays idle is closed without a word`() throws {
        let served = try ServedFixture { $0.idleTime = .milliseconds(20) }
        let peer = try LoopbackPeer(port: served.server.port)
        try peer.send(get("/"))
        #expect(String(decoding: try peer.receiveAll(), as: UTF8.self).hasSuffix("\r\n\r\nroot"))
    }

    @Test func `a full worker queue is answered 503 and the connection lives on`() throws {
        let served = try ServedFixture {
            $0.workers = 1
            $0.workerQueueMax = 1
        }
        let first = try LoopbackPeer(port: served.server.port)
        try first.send(get("/held"))
        served.gate.begun.wait()
        let second = try LoopbackPeer(port: served.server.port)
        try second.send(get("/held"))
        let third = try LoopbackPeer(port: served.server.port)
        // The second may still be on its way; one of the two is refused.
        try third.send(get("/held"))
        var (refused, queued) = (0, 0)
        while served.refused("workers_busy") == 0 { sched_yield() }
        served.gate.release.signal()
        served.gate.release.signal()
        for answer in [try second.receive(upTo: "\r\n\r\n"), try third.receive(upTo: "\r\n\r\n")] {
            if answer.hasPrefix("HTTP/1.1 503") {
                refused += 1
                #expect(answer.contains("Retry-After: 1\r\n"))
                #expect(!answer.contains("Connection: close"))
            } else if answer.hasPrefix(HTTPServerTests.ok) {
                queued += 1
            }
        }
        #expect(refused == 1 && queued == 1)
        #expect(try first.receive(upTo: "held").hasPrefix(HTTPServerTests.ok))
    }

    @Test func `too many tasks are answered 503`() throws {
        let served = try ServedFixture { $0.tasksMax = 1 }
        let first = try LoopbackPeer(port: served.server.port)
        try first.send(get("/forever"))
        served.gate.begun.wait()
        #expect(try served.exchange(get("/forever")).hasPrefix("HTTP/1.1 503"))
        #expect(served.refused("tasks_busy") == 1)
        served.server.stop(drain: .zero)
        served.gate.begun.wait()
        #expect(served.gate.notes.withLock { $0 } == ["cancelled true"])
    }

    @Test func `connections over the limit are answered 503 and counted`() throws {
        let served = try ServedFixture { $0.connectionsMax = 1 }
        let first = try LoopbackPeer(port: served.server.port)
        try first.send(get("/"))
        _ = try first.receive(upTo: "root")
        let second = try LoopbackPeer(port: served.server.port)
        let refusal = String(decoding: try second.receiveAll(), as: UTF8.self)
        #expect(refusal.hasPrefix("HTTP/1.1 503 Service Unavailable\r\n"))
        #expect(served.refused("connection_limit") == 1)
        try first.send(get("/"))
        _ = try first.receive(upTo: "root")
    }

    @Test
    func `an answer reaches a client that has half-closed, and a client gone leaves the work done`()
        throws
    {
        let served = try ServedFixture()
        let patient = try LoopbackPeer(port: served.server.port)
        try patient.send(post("/note", "patient"))
        patient.endOutput()
        served.gate.begun.wait()
        served.gate.release.signal()
        served.gate.begun.wait()
        #expect(
            String(decoding: try patient.receiveAll(), as: UTF8.self).hasSuffix("\r\n\r\nnoted")
        )
        do {
            let gone = try LoopbackPeer(port: served.server.port)
            try gone.send(post("/note", "gone"))
            served.gate.begun.wait()
            gone.resetOnClose()
        }
        served.gate.release.signal()
        served.gate.begun.wait()
        #expect(served.gate.notes.withLock { $0 } == ["patient", "gone"])
        #expect(try served.exchange(get("/")) == answer("root"))
    }

    @Test func `draining answers what is under way, closes the idle and frees the port`() throws {
        let served = try ServedFixture { $0.listen = "127.0.0.22:0" }
        let port = served.server.port
        let idle = try LoopbackPeer(port: port, host: 22)
        try idle.send(get("/"))
        _ = try idle.receive(upTo: "root")
        let busy = try LoopbackPeer(port: port, host: 22)
        try busy.send(get("/held"))
        served.gate.begun.wait()
        let stopped = DispatchSemaphore(value: 0)
        let stopper = try ServiceThread(name: "stopper") {
            served.server.stop(drain: .seconds(10))
            stopped.signal()
        }
        #expect(try idle.receiveAll().isEmpty)
        served.gate.release.signal()
        let last = String(decoding: try busy.receiveAll(), as: UTF8.self)
        #expect(last.contains("Connection: close\r\n") && last.hasSuffix("\r\n\r\nheld"))
        busy.endOutput()
        idle.endOutput()
        stopped.wait()
        stopper.join()
        #expect(!LoopbackPeer.canConnect(port: port, host: 22))
        #expect(served.server.port == 0)
    }

    @Test func `requests, times and connections are counted`() throws {
        let served = try ServedFixture()
        _ = try served.exchange(get("/say/a") + get("/say/b") + get("/none") + post("/say/c", ""))
        let text = served.metrics.exposition(.text)
        for line in [
            "tocsin_http_requests_total{code=\"200\",handler=\"/say/{word}\"} 2",
            "tocsin_http_requests_total{code=\"404\",handler=\"none\"} 1",
            "tocsin_http_requests_total{code=\"405\",handler=\"none\"} 1",
            "tocsin_http_request_duration_seconds_count{handler=\"/say/{word}\"} 2",
            "tocsin_connections_accepted_total{listener=\"http\"} 1",
            "tocsin_http_refused_total{reason=\"malformed\"} 0",
        ] {
            #expect(text.contains(line + "\n"), "\(line)")
        }
    }
}
