/// The parts of an absolute http or https address that a signature needs, kept as they are written.
package struct RequestAddress: Hashable, Sendable {
    package var scheme: String
    /// Lower case, with the port unless it is the scheme's own, without user information.
    package var host: String
    /// Percent-encoded as in the address; may be empty.
    package var path: String
    /// Percent-encoded as in the address, without `?`; may be empty.
    package var query: String

    /// Splits an address; nil when it is not absolute http or https or names no host.
    package init?(_ url: String) {
        guard let separator = url.firstRange(of: "://") else { return nil }
        scheme = url[..<separator.lowerBound].lowercased()
        guard scheme == "http" || scheme == "https" else { return nil }
        var rest = url[separator.upperBound...]
        if let fragment = rest.firstIndex(of: "#") { rest = rest[..<fragment] }
        let authorityEnd = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        var authority = rest[..<authorityEnd]
        rest = rest[authorityEnd...]
        if let user = authority.lastIndex(of: "@") {
            authority = authority[authority.index(after: user)...]
        }
        let standardPort = scheme == "http" ? ":80" : ":443"
        if authority.hasSuffix(standardPort) { authority = authority.dropLast(standardPort.count) }
        if authority.hasSuffix(":") { authority = authority.dropLast() }
        guard !authority.isEmpty else { return nil }
        host = authority.lowercased()
        if let mark = rest.firstIndex(of: "?") {
            path = String(rest[..<mark])
            query = String(rest[rest.index(after: mark)...])
        } else {
            path = String(rest)
            query = ""
        }
    }
}
