import Compression
import Testing
import Timekeeping

@testable import HTTPServer

@Suite struct HTTPResponseWriterTests {
    private func text(
        _ response: HTTPResponse,
        isHead: Bool = false,
        isHTTP10: Bool = false,
        keepAlive: Bool = true
    ) -> String? {
        let form = HTTPResponseWriter.Form(
            isHead: isHead,
            isHTTP10: isHTTP10,
            keepAlive: keepAlive,
            date: "D"
        )
        guard let head = HTTPResponseWriter.head(response, form) else { return nil }
        return String(decoding: head + HTTPResponseWriter.body(response, form), as: UTF8.self)
    }

    @Test func `the server alone decides framing and date`() {
        let response = HTTPResponse(
            status: 200,
            headers: [
                ("Content-Type", "text/plain"), ("content-length", "99"),
                ("Transfer-Encoding", "chunked"),
                ("Connection", "upgrade"), ("DATE", "never"),
            ],
            body: Array("hi".utf8)
        )
        let head = "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n"
        #expect(text(response) == head + "\r\nhi")
        #expect(text(response, isHead: true) == head + "\r\n")
        #expect(text(response, keepAlive: false) == head + "Connection: close\r\n\r\nhi")
        #expect(text(response, isHTTP10: true) == head + "Connection: keep-alive\r\n\r\nhi")
    }

    @Test(arguments: [204, 304])
    func `statuses without a body have neither body nor length`(status: Int) {
        let answer = text(HTTPResponse(status: status, body: [1, 2]))
        #expect(answer == "HTTP/1.1 \(status) \(HTTPStatus.reason(status))\r\nDate: D\r\n\r\n")
    }

    @Test(arguments: [
        ("X", "a\r\nSet-Cookie: b"), ("X", "a\nb"), ("X", "a\0"), ("X\r\nY", "a"), ("", "a"),
        ("X Y", "a"),
    ])
    func `a header that would break out is refused`(name: String, value: String) {
        #expect(text(HTTPResponse(status: 200, headers: [(name, value)])) == nil)
    }

    @Test(arguments: [0, 100, 199, 600, -1])
    func `a status that ends no exchange is refused`(status: Int) {
        #expect(text(HTTPResponse(status: status)) == nil)
    }

    @Test func `the date is in RFC 9110's fixed form`() {
        var date = DateHeader()
        // The example of RFC 9110 section 5.6.7.
        #expect(
            date.text(at: Timestamp(milliseconds: 784_111_777_000))
                == "Sun, 06 Nov 1994 08:49:37 GMT"
        )
        #expect(
            date.text(at: Timestamp(milliseconds: 784_111_777_999))
                == "Sun, 06 Nov 1994 08:49:37 GMT"
        )
        #expect(
            date.text(at: Timestamp(milliseconds: 784_111_778_000))
                == "Sun, 06 Nov 1994 08:49:38 GMT"
        )
    }
}

@Suite struct ContentCodingTests {
    @Test(arguments: [
        ("gzip", true), ("gzip, deflate, br", true), ("GZIP;q=0.5", true), ("br, x-gzip", true),
        ("*", true),
        ("gzip;q=0", false), ("gzip; q=0.0", false), ("identity", false), ("", false),
        ("*;q=0", false),
        ("gzip;q=x", false), ("*, gzip;q=0", false), ("br;q=1, *;q=0.1", true),
    ])
    func `gzip is used only where it is accepted`(header: String, accepted: Bool) {
        #expect(ContentCoding(acceptEncoding: header, bytesMin: 10).acceptsGzip == accepted)
    }

    private func applied(
        _ body: [UInt8],
        type: String = "application/json",
        accept: String? = "gzip",
        headers: [(name: String, value: String)] = []
    ) -> (names: [String], body: [UInt8]) {
        let response = HTTPResponse(
            status: 200,
            headers: [("Content-Type", type)] + headers,
            body: body
        )
        let coded = ContentCoding(acceptEncoding: accept, bytesMin: 1024).applied(to: response)
        return (coded.headers.map(\.name), coded.body)
    }

    @Test func `a large text is compressed and says so`() throws {
        let body = [UInt8](repeating: 65, count: 5000)
        let coded = applied(body)
        #expect(coded.names == ["Content-Type", "Vary", "Content-Encoding"])
        #expect(coded.body.count < 100)
        #expect(try Gzip.decompress(coded.body.span, limit: 10000) == body)
    }

    @Test func `what would not gain or was coded already is left as it is`() {
        let body = [UInt8](repeating: 65, count: 5000)
        #expect(applied(Array(body[..<1023])).names == ["Content-Type"])
        #expect(applied(body, type: "image/png").body == body)
        #expect(applied(body, accept: nil).names == ["Content-Type", "Vary"])
        #expect(applied(body, headers: [("Content-Encoding", "br")]).body == body)
        #expect(applied(body, type: "text/plain; charset=utf-8").body != body)
    }
}
