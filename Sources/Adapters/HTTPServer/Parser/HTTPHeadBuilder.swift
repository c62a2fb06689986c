/// Gathers a request's head line by line and judges it as a whole, strictly by RFC 9112.
struct HTTPHeadBuilder: Sendable {
    /// Methods that the server knows; others are answered 501.
    private static let methods: Set<String> = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH",
    ]

    private var method = ""
    private var target: HTTPTarget?
    private var isHTTP10 = false
    private var headers: [(name: String, value: String)] = []

    /// Header lines so far.
    var count: Int { headers.count }

    mutating func requestLine(_ line: [UInt8]) throws(HTTPParseError) {
        let parts = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard parts.count == 3, let first = parts.first, !first.isEmpty,
            first.allSatisfy(HTTPCharacters.isToken)
        else { throw .malformed("the request line is not METHOD TARGET HTTP/1.1") }
        switch String(decoding: parts[2], as: UTF8.self) {
        case "HTTP/1.1": isHTTP10 = false
        case "HTTP/1.0": isHTTP10 = true
        case let version where HTTPHeadBuilder.isVersion(version):
            throw HTTPParseError(505, "only HTTP/1.1 and HTTP/1.0 are spoken here")
        default: throw .malformed("the request line does not end in HTTP/1.1")
        }
        method = String(decoding: first, as: UTF8.self)
        guard HTTPHeadBuilder.methods.contains(method) else {
            throw HTTPParseError(501, "this method is not implemented")
        }
        target = try HTTPTarget(parts[1])
        if target?.path == "*" && method != "OPTIONS" {
            throw .malformed("the target * is for OPTIONS only")
        }
    }

    private static func isVersion(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return bytes.count == 8 && text.hasPrefix("HTTP/") && HTTPCharacters.isDigit(bytes[5])
            && bytes[6] == UInt8(ascii: ".") && HTTPCharacters.isDigit(bytes[7])
    }

    mutating func header(_ line: [UInt8]) throws(HTTPParseError) {
        headers.append(try HTTPHeadBuilder.field(line))
    }

    /// One header or trailer line as name in lower case and trimmed value.
    static func field(_ line: [UInt8]) throws(HTTPParseError) -> (name: String, value: String) {
        guard let first = line.first, !HTTPCharacters.isBlank(first) else {
            throw .malformed("a header line begins with a blank; folded headers are not accepted")
        }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0,
            line[..<colon].allSatisfy(HTTPCharacters.isToken)
        else { throw .malformed("a header line is not NAME: VALUE, with nothing before the colon") }
        var value = line[(colon + 1)...]
        while let byte = value.first, HTTPCharacters.isBlank(byte) { value.removeFirst() }
        while let byte = value.last, HTTPCharacters.isBlank(byte) { value.removeLast() }
        guard value.allSatisfy(HTTPCharacters.isFieldValue) else {
            throw .malformed("a header value holds a control character")
        }
        let name = line[..<colon].map { 65...90 ~= $0 ? $0 | 0x20 : $0 }
        return (String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self))
    }

    // MARK: The head as a whole

    func finished() throws(HTTPParseError) -> HTTPRequestHead {
        guard let target else { throw .malformed("there is no request line") }
        try checkHost(target)
        let connection = tokens("connection")
        return HTTPRequestHead(
            method: method,
            target: target,
            headers: headers,
            framing: try framing(),
            isHTTP10: isHTTP10,
            keepAlive: !connection.contains("close")
                && (!isHTTP10 || connection.contains("keep-alive")),
            expectsContinue: try expectsContinue()
        )
    }

    private func values(_ name: String) -> [String] {
        headers.filter { $0.name == name }.map(\.value)
    }

    /// The comma-separated elements of all lines of a header, trimmed, in lower case.
    private func tokens(_ name: String) -> [String] {
        values(name).flatMap { $0.split(separator: ",") }.map { element in
            var bytes = element.utf8.map { 65...90 ~= $0 ? $0 | 0x20 : $0 }[...]
            while let byte = bytes.first, HTTPCharacters.isBlank(byte) { bytes.removeFirst() }
            while let byte = bytes.last, HTTPCharacters.isBlank(byte) { bytes.removeLast() }
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    private func checkHost(_ target: HTTPTarget) throws(HTTPParseError) {
        let hosts = values("host")
        guard hosts.count <= 1 else { throw .malformed("there is more than one Host header") }
        guard isHTTP10 || hosts.count == 1 else { throw .malformed("the Host header is missing") }
        guard hosts.allSatisfy({ $0.utf8.allSatisfy(HTTPCharacters.isHost) }) else {
            throw .malformed("the Host header is no host and port")
        }
    }

    private func framing() throws(HTTPParseError) -> HTTPRequestHead.Framing {
        let lengths = values("content-length")
        let codings = values("transfer-encoding")
        guard codings.isEmpty else {
            guard lengths.isEmpty else {
                throw .malformed("Content-Length and Transfer-Encoding contradict each other")
            }
            guard !isHTTP10 else { throw .malformed("HTTP/1.0 has no Transfer-Encoding") }
            if codings.count == 1, codings[0].lowercased() == "chunked" { return .chunked }
            guard tokens("transfer-encoding").last == "chunked" else {
                throw .malformed("the last Transfer-Encoding is not chunked, so the end is unknown")
            }
            throw HTTPParseError(501, "no Transfer-Encoding but chunked is implemented")
        }
        guard let length = lengths.first else { return .none }
        guard lengths.count == 1 else { throw .malformed("there is more than one Content-Length") }
        guard !length.isEmpty, length.utf8.allSatisfy(HTTPCharacters.isDigit) else {
            throw .malformed("the Content-Length is no number")
        }
        guard let count = Int(length) else {
            throw HTTPParseError(413, "the Content-Length is beyond any limit")
        }
        return count == 0 ? .none : .length(count)
    }

    private func expectsContinue() throws(HTTPParseError) -> Bool {
        let expectations = tokens("expect")
        guard !isHTTP10, !expectations.isEmpty else { return false }
        guard expectations == ["100-continue"] else {
            throw HTTPParseError(417, "no expectation but 100-continue can be met")
        }
        return true
    }
}
