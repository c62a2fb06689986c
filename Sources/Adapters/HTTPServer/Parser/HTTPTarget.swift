/// A request's target: which resource it asks for.
package struct HTTPTarget: Sendable {
    /// Percent-decoded, begins with `/`; `*` for `OPTIONS *`.
    package var path: String
    /// The path cut at its unencoded slashes, each segment percent-decoded: `/a/b%2Fc` is `a` and `b/c`.
    ///
    /// `/` is one empty segment, `*` is none.
    package var segments: [String]
    /// Percent-decoded name and value pairs of the query, in order.
    package var query: [(name: String, value: String)]
    /// Host and port of a target in absolute form, which then stands in for the Host header.
    package var authority: String?

    /// Reads origin form, absolute form or `*`, by RFC 9112 section 3.2.
    init(_ bytes: ArraySlice<UInt8>) throws(HTTPParseError) {
        guard bytes.allSatisfy(HTTPCharacters.isTarget) else {
            throw .malformed("the target holds a character that must be percent-encoded")
        }
        var rest = bytes
        authority = nil
        if bytes.first != UInt8(ascii: "/") && !bytes.elementsEqual("*".utf8) {
            let (host, path) = try HTTPTarget.absolute(bytes)
            authority = host
            rest = path
        }
        let mark = rest.firstIndex(of: UInt8(ascii: "?")) ?? rest.endIndex
        guard let path = PercentDecoding.text(rest[..<mark]), HTTPTarget.isPlain(path) else {
            throw .malformed("the path is not percent-encoded UTF-8 without control characters")
        }
        guard let query = PercentDecoding.form(rest[mark...].dropFirst()) else {
            throw .malformed("the query is not percent-encoded UTF-8")
        }
        self.path = path.isEmpty ? "/" : path
        self.query = query
        segments =
            rest.first == UInt8(ascii: "*")
            ? [] : HTTPTarget.segments(rest[..<mark].dropFirst())
    }

    private static func segments(_ path: ArraySlice<UInt8>) -> [String] {
        path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .compactMap { PercentDecoding.text($0) }
    }

    /// `http://host:port/path?query`, cut into host and rest.
    private static func absolute(
        _ bytes: ArraySlice<UInt8>
    ) throws(HTTPParseError) -> (host: String, rest: ArraySlice<UInt8>) {
        for scheme in ["http://", "https://"] {
            let start = bytes.prefix(scheme.utf8.count)
            guard String(decoding: start, as: UTF8.self).lowercased() == scheme else { continue }
            let rest = bytes.dropFirst(scheme.utf8.count)
            let end =
                rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") }
                ?? rest.endIndex
            let host = rest[..<end]
            guard !host.isEmpty, host.allSatisfy(HTTPCharacters.isHost) else { break }
            return (String(decoding: host, as: UTF8.self), rest[end...])
        }
        throw .malformed("the target is neither a path nor an http address")
    }

    private static func isPlain(_ path: String) -> Bool {
        path.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
    }
}
