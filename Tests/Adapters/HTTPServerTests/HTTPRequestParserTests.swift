import TestSupport
import Testing

@testable import HTTPServer

@Suite struct HTTPRequestParserTests {
    /// What a stream of bytes amounts to, for comparing ways of cutting it.
    enum Outcome: Hashable {
        case request(String)
        case failed(HTTPParseError)
        case open(atStart: Bool)
    }

    /// Feeds the pieces and lists what came, up to the first failure.
    static func outcomes(
        of pieces: [ArraySlice<UInt8>],
        limits: HTTPParserLimits = HTTPParserLimits(),
        bodyMax: Int = 1000
    ) -> [Outcome] {
        var parser = HTTPRequestParser(limits: limits)
        var outcomes: [Outcome] = []
        var head: HTTPRequestHead?
        for piece in pieces {
            var offset = 0
            let bytes = Array(piece)
            feeding: while true {
                switch parser.parse(bytes.span, from: &offset) {
                case .needMore:
                    precondition(offset == bytes.count, "nothing is left unread without an event")
                    break feeding
                case .head(let found):
                    head = found
                    parser.acceptBody(bodyMax: bodyMax)
                case .complete:
                    outcomes.append(.request(describe(head, parser.takeBody())))
                case .failed(let error):
                    return outcomes + [.failed(error)]
                }
            }
        }
        return outcomes + [.open(atStart: parser.isAtStart)]
    }

    private static func describe(_ head: HTTPRequestHead?, _ body: [UInt8]) -> String {
        guard let head else { return "none" }
        let query = head.target.query.map { " ?\($0.name)=\($0.value)" }.joined()
        let headers = head.headers.map { " [\($0.name)=\($0.value)]" }.joined()
        let host = head.target.authority.map { " @\($0)" } ?? ""
        return "\(head.method) \(head.target.path)\(host)\(query)\(headers)"
            + "\(head.isHTTP10 ? " 1.0" : "")\(head.keepAlive ? "" : " close")"
            + "\(head.expectsContinue ? " continue" : "") \(String(decoding: body, as: UTF8.self))"
    }

    struct Case: CustomTestStringConvertible, Sendable {
        var name: String
        var text: String
        var expected: [Outcome]
        var limits = HTTPParserLimits()
        var testDescription: String { name }

        static func good(_ name: String, _ text: String, _ requests: String...) -> Case {
            Case(
                name: name,
                text: text,
                expected: requests.map { .request($0) } + [.open(atStart: true)]
            )
        }

        static func bad(
            _ name: String,
            _ text: String,
            _ status: Int,
            _ reason: String,
            limits: HTTPParserLimits = HTTPParserLimits()
        ) -> Case {
            Case(
                name: name,
                text: text,
                expected: [.failed(HTTPParseError(status, reason))],
                limits: limits
            )
        }
    }

    static let good: [Case] = [
        .good("a plain GET", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / [host=h] "),
        .good(
            "query, blanks around values, an empty value",
            "GET /a%20b/c?x=1&y=a+b%2B&z&=q HTTP/1.1\r\nHost:h:80\r\nA: \t b c \t\r\nB:\r\n\r\n",
            "GET /a b/c ?x=1 ?y=a b+ ?z= ?=q [host=h:80] [a=b c] [b=] "
        ),
        .good(
            "a body by length",
            "POST /w HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
            "POST /w [host=h] [content-length=5] hello"
        ),
        .good(
            "a length of zero",
            "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 000\r\n\r\n",
            "PUT / [host=h] [content-length=000] "
        ),
        .good(
            "chunks, an extension, trailers",
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"
                + "5\r\nhello\r\n00A;name=\"v\"\r\n, whole wo\r\n3\r\nrld\r\n0\r\nX-Sum: 1\r\n\r\n",
            "POST / [host=h] [transfer-encoding=Chunked] hello, whole world"
        ),
        .good(
            "pipelined requests in order",
            "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab"
                + "DELETE /3 HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET /1 [host=h] ",
            "POST /2 [host=h] [content-length=2] ab",
            "DELETE /3 [host=h] "
        ),
        .good(
            "an empty line before a request",
            "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET / [host=h] "
        ),
        .good("HTTP/1.0 without Host closes", "GET / HTTP/1.0\r\n\r\n", "GET / 1.0 close "),
        .good(
            "HTTP/1.0 with keep-alive",
            "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
            "GET / [connection=Keep-Alive] 1.0 "
        ),
        .good(
            "Connection: close among others",
            "GET / HTTP/1.1\r\nHost: h\r\nConnection: te , CLOSE\r\n\r\n",
            "GET / [host=h] [connection=te , CLOSE] close "
        ),
        .good(
            "an expectation",
            "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\nx",
            "POST / [host=h] [expect=100-Continue] [content-length=1] continue x"
        ),
        .good(
            "absolute form",
            "GET http://other:90/p?q=1 HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET /p @other:90 ?q=1 [host=h] "
        ),
        .good(
            "absolute form without a path",
            "GET HTTPS://other HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET / @other [host=h] "
        ),
        .good("OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * [host=h] "),
        .good(
            "an empty Host and an IPv6 one",
            "GET / HTTP/1.1\r\nHost:\r\n\r\nHEAD / HTTP/1.1\r\nHost: [::1]:9467\r\n\r\n",
            "GET / [host=] ",
            "HEAD / [host=[::1]:9467] "
        ),
        .good(
            "opaque bytes in a value",
            "GET / HTTP/1.1\r\nHost: h\r\nX: caf\u{e9}\r\n\r\n",
            "GET / [host=h] [x=caf\u{e9}] "
        ),
    ]

    private static let line = "GET / HTTP/1.1\r\n"
    private static let host = "GET / HTTP/1.1\r\nHost: h\r\n"
    private static let notALine = "the request line is not METHOD TARGET HTTP/1.1"
    private static let notAHeader =
        "a header line is not NAME: VALUE, with nothing before the colon"
    private static let chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    private static let notChunked =
        "the last Transfer-Encoding is not chunked, so the end is unknown"

    static let bad: [Case] = [
        .bad("no target", "GET\r\n", 400, notALine),
        .bad("HTTP/0.9", "GET /\r\n", 400, notALine),
        .bad("two blanks", "GET  / HTTP/1.1\r\n", 400, notALine),
        .bad("a blank at the end", "GET / HTTP/1.1 \r\n", 400, notALine),
        .bad("a blank in front", " GET / HTTP/1.1\r\n", 400, notALine),
        .bad("a tab between", "GET\t/ HTTP/1.1\r\n", 400, notALine),
        .bad("a method that is no token", "G(T / HTTP/1.1\r\n", 400, notALine),
        .bad(
            "TLS",
            "\u{16}\u{3}\u{1}",
            400,
            "this port speaks plain HTTP; the bytes look like the start of TLS"
        ),
        .bad("no HTTP", "\u{1}", 400, notALine),
        .bad(
            "lower-case http",
            "GET / http/1.1\r\n",
            400,
            "the request line does not end in HTTP/1.1"
        ),
        .bad(
            "a long version",
            "GET / HTTP/1.10\r\n",
            400,
            "the request line does not end in HTTP/1.1"
        ),
        .bad(
            "HTTP/2 preface",
            "PRI * HTTP/2.0\r\n\r\n",
            505,
            "only HTTP/1.1 and HTTP/1.0 are spoken here"
        ),
        .bad("an unknown method", "BREW / HTTP/1.1\r\n", 501, "this method is not implemented"),
        .bad("CONNECT", "CONNECT h:1 HTTP/1.1\r\n", 501, "this method is not implemented"),
        .bad("a method in lower case", "get / HTTP/1.1\r\n", 501, "this method is not implemented"),
        .bad("GET *", "GET * HTTP/1.1\r\n", 400, "the target * is for OPTIONS only"),
        .bad(
            "a relative target",
            "GET x HTTP/1.1\r\n",
            400,
            "the target is neither a path nor an http address"
        ),
        .bad(
            "another scheme",
            "GET ftp://h/ HTTP/1.1\r\n",
            400,
            "the target is neither a path nor an http address"
        ),
        .bad(
            "user information",
            "GET http://u:p@h/ HTTP/1.1\r\n",
            400,
            "the target is neither a path nor an http address"
        ),
        .bad(
            "a fragment",
            "GET /#x HTTP/1.1\r\n",
            400,
            "the target holds a character that must be percent-encoded"
        ),
        .bad(
            "raw UTF-8 in the target",
            "GET /\u{e9} HTTP/1.1\r\n",
            400,
            "the target holds a character that must be percent-encoded"
        ),
        .bad(
            "half an escape",
            "GET /%4 HTTP/1.1\r\n",
            400,
            "the path is not percent-encoded UTF-8 without control characters"
        ),
        .bad(
            "an escape that is no UTF-8",
            "GET /%ff HTTP/1.1\r\n",
            400,
            "the path is not percent-encoded UTF-8 without control characters"
        ),
        .bad(
            "an escaped NUL",
            "GET /%00 HTTP/1.1\r\n",
            400,
            "the path is not percent-encoded UTF-8 without control characters"
        ),
        .bad(
            "a bad escape in the query",
            "GET /?a=%zz HTTP/1.1\r\n",
            400,
            "the query is not percent-encoded UTF-8"
        ),
        .bad("a bare line feed", "GET / HTTP/1.1\n", 400, "a line feed without a carriage return"),
        .bad("a bare carriage return in the line", "GET / HTTP/1.1\rHost: h\r\n", 400, notALine),
        .bad(
            "a bare line feed after a header",
            line + "Host: h\n",
            400,
            "a line feed without a carriage return"
        ),
        .bad(
            "a bare carriage return in a value",
            line + "Host: h\rX: y\r\n",
            400,
            "a header value holds a control character"
        ),
        .bad(
            "NUL in a value",
            host + "X: a\0b\r\n",
            400,
            "a header value holds a control character"
        ),
        .bad("a blank before the colon", host + "X : y\r\n", 400, notAHeader),
        .bad("no colon", host + "X\r\n", 400, notAHeader),
        .bad("no name", host + ": y\r\n", 400, notAHeader),
        .bad("a name that is no token", host + "X(y): z\r\n", 400, notAHeader),
        .bad(
            "a folded header",
            host + "X: y\r\n z\r\n",
            400,
            "a header line begins with a blank; folded headers are not accepted"
        ),
        .bad(
            "two empty lines first",
            "\r\n\r\n",
            400,
            "more than one empty line precedes the request"
        ),
        .bad("a lone carriage return first", "\rGET", 400, "a carriage return without a line feed"),
        .bad("no Host", line + "\r\n", 400, "the Host header is missing"),
        .bad("two Hosts", host + "Host: h\r\n\r\n", 400, "there is more than one Host header"),
        .bad(
            "a Host with a path",
            line + "Host: h/x\r\n\r\n",
            400,
            "the Host header is no host and port"
        ),
        .bad(
            "a Host with user information",
            line + "Host: u@h\r\n\r\n",
            400,
            "the Host header is no host and port"
        ),
        .bad(
            "lengths that differ",
            host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
            400,
            "there is more than one Content-Length"
        ),
        .bad(
            "a list of lengths",
            host + "Content-Length: 1, 1\r\n\r\n",
            400,
            "the Content-Length is no number"
        ),
        .bad(
            "a signed length",
            host + "Content-Length: +1\r\n\r\n",
            400,
            "the Content-Length is no number"
        ),
        .bad(
            "a negative length",
            host + "Content-Length: -1\r\n\r\n",
            400,
            "the Content-Length is no number"
        ),
        .bad(
            "a hex length",
            host + "Content-Length: 0x1\r\n\r\n",
            400,
            "the Content-Length is no number"
        ),
        .bad(
            "an empty length",
            host + "Content-Length:\r\n\r\n",
            400,
            "the Content-Length is no number"
        ),
        .bad(
            "a length beyond 64 bits",
            host + "Content-Length: 99999999999999999999\r\n\r\n",
            413,
            "the Content-Length is beyond any limit"
        ),
        .bad(
            "length and chunks",
            host + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
            "Content-Length and Transfer-Encoding contradict each other"
        ),
        .bad(
            "chunks in HTTP/1.0",
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
            "HTTP/1.0 has no Transfer-Encoding"
        ),
        .bad(
            "another coding first",
            host + "Transfer-Encoding: gzip, chunked\r\n\r\n",
            501,
            "no Transfer-Encoding but chunked is implemented"
        ),
        .bad(
            "another coding last",
            host + "Transfer-Encoding: chunked, gzip\r\n\r\n",
            400,
            notChunked
        ),
        .bad("an unknown coding", host + "Transfer-Encoding: xchunked\r\n\r\n", 400, notChunked),
        .bad(
            "a coding with a blank inside",
            host + "Transfer-Encoding: chun ked\r\n\r\n",
            400,
            notChunked
        ),
        .bad("an empty coding", host + "Transfer-Encoding:\r\n\r\n", 400, notChunked),
        .bad(
            "chunked twice",
            host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            501,
            "no Transfer-Encoding but chunked is implemented"
        ),
        .bad(
            "an expectation that cannot be met",
            host + "Expect: tea\r\n\r\n",
            417,
            "no expectation but 100-continue can be met"
        ),
        .bad(
            "a chunk size that is no hex",
            chunked + "x\r\n",
            400,
            "a chunk's size is not 1 to 15 hex digits"
        ),
        .bad(
            "an empty chunk size",
            chunked + "\r\n",
            400,
            "a chunk's size is not 1 to 15 hex digits"
        ),
        .bad(
            "a signed chunk size",
            chunked + "+1\r\n",
            400,
            "a chunk's size is not 1 to 15 hex digits"
        ),
        .bad(
            "a chunk size beyond 64 bits",
            chunked + "ffffffffffffffff\r\n",
            400,
            "a chunk's size is not 1 to 15 hex digits"
        ),
        .bad(
            "a blank after the chunk size",
            chunked + "1 \r\nx\r\n",
            400,
            "a chunk's size is followed by what is no extension"
        ),
        .bad(
            "0x before the chunk size",
            chunked + "0x1\r\n",
            400,
            "a chunk's size is followed by what is no extension"
        ),
        .bad(
            "a bare line feed after the size",
            chunked + "1\nx\r\n",
            400,
            "a chunk's size line does not end in CR LF"
        ),
        .bad(
            "a chunk longer than its size",
            chunked + "1\r\nxy\r\n",
            400,
            "a chunk is longer than its size"
        ),
        .bad(
            "a bare line feed after a chunk",
            chunked + "1\r\nx\n",
            400,
            "a chunk is longer than its size"
        ),
        .bad(
            "chunks over the limit",
            chunked + "3e8\r\n" + String(repeating: "x", count: 1000) + "\r\n1\r\n",
            413,
            "the body is longer than 1000 bytes"
        ),
        .bad("a bad trailer", chunked + "0\r\nX : y\r\n\r\n", 400, notAHeader),
        .bad(
            "a chunk size line without end",
            chunked + String(repeating: "1;", count: 200),
            400,
            "a chunk's size line is longer than 256 bytes"
        ),
        .bad(
            "a long request line",
            "GET /1234567 HTTP/1.1\r\n",
            414,
            "the request line is longer than 20 bytes",
            limits: HTTPParserLimits(requestLineMax: 20)
        ),
        .bad(
            "a request line without end",
            String(repeating: "G", count: 22),
            414,
            "the request line is longer than 20 bytes",
            limits: HTTPParserLimits(requestLineMax: 20)
        ),
        .bad(
            "long headers",
            host + "A: 456789\r\nB: 4\r\n\r\n",
            431,
            "the headers are longer than 19 bytes",
            limits: HTTPParserLimits(headerBytesMax: 19)
        ),
        .bad(
            "many headers",
            host + "A: 1\r\nB: 2\r\n\r\n",
            431,
            "there are more than 2 headers",
            limits: HTTPParserLimits(headersMax: 2)
        ),
        .bad(
            "many trailers",
            chunked + "0\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n",
            431,
            "there are more than 2 headers",
            limits: HTTPParserLimits(headersMax: 2)
        ),
    ]

    @Test(arguments: good + bad)
    func `each request is read or refused, whatever the cut`(_ entry: Case) {
        let bytes = Array(entry.text.utf8)
        let check = { (pieces: [ArraySlice<UInt8>], cut: String) in
            let outcomes = HTTPRequestParserTests.outcomes(of: pieces, limits: entry.limits)
            #expect(outcomes == entry.expected, "\(cut)")
        }
        check([bytes[...]], "whole")
        check(bytes.indices.map { bytes[$0...$0] }, "byte by byte")
        for cut in bytes.indices where cut < 400 {
            check([bytes[..<cut], bytes[cut...]], "cut at \(cut)")
        }
    }

    @Test func `sizes exactly at their limits are accepted`() {
        let request = "GET /123456 HTTP/1.1\r\nHost: h\r\nA: 4567890\r\n\r\n"
        let outcomes = HTTPRequestParserTests.outcomes(
            of: [Array(request.utf8)[...]],
            limits: HTTPParserLimits(requestLineMax: 20, headerBytesMax: 17, headersMax: 2)
        )
        #expect(outcomes == [.request("GET /123456 [host=h] [a=4567890] "), .open(atStart: true)])
    }

    @Test func `requests cut short are neither whole nor wrong`() {
        for entry in HTTPRequestParserTests.good where entry.expected.count == 2 {
            let bytes = Array(entry.text.utf8)
            for cut in 1..<bytes.count {
                let outcomes = HTTPRequestParserTests.outcomes(of: [bytes[..<cut]])
                let trailing = outcomes.last
                #expect(outcomes.count == 1, "\(entry.name), cut at \(cut)")
                #expect(trailing == .open(atStart: false), "\(entry.name), cut at \(cut)")
            }
        }
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `random damage gives the same outcome whole and byte by byte, and never traps`(
        seed: UInt64
    ) {
        var random = SeededGenerator(seed: seed)
        let seeds = (HTTPRequestParserTests.good + HTTPRequestParserTests.bad).map {
            Array($0.text.utf8)
        }
        for _ in 0..<200 {
            guard var bytes = seeds.randomElement(using: &random), !bytes.isEmpty else { continue }
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let at = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.insert([13, 10, 32, 58, 0][at % 5], at: at)
                case 2: if bytes.count > 1 { bytes.remove(at: at) }
                default: bytes += bytes[at...]
                }
            }
            let whole = HTTPRequestParserTests.outcomes(of: [bytes[...]])
            let single = HTTPRequestParserTests.outcomes(of: bytes.indices.map { bytes[$0...$0] })
            #expect(whole == single, "\(String(decoding: bytes, as: UTF8.self).debugDescription)")
        }
    }

    @Test func `an unescaped slash cuts segments, an escaped one does not`() throws {
        let target = try HTTPTarget(Array("/a/b%2Fc//d%20/".utf8)[...])
        #expect(target.segments == ["a", "b/c", "", "d ", ""])
        #expect(target.path == "/a/b/c//d /")
    }
}
