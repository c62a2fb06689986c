import CCurl

/// Scheme, host and port of an address: what messages name and what a policy judges.
package struct HTTPOrigin: Hashable, Sendable, CustomStringConvertible {
    /// `http` or `https`.
    package var scheme: String
    /// In lower case, IPv6 addresses in brackets.
    package var host: String
    package var port: UInt16

    /// The host, and the port where it is not the scheme's own.
    package var description: String {
        port == (scheme == "https" ? 443 : 80) ? host : "\(host):\(port)"
    }

    /// Reads an absolute http or https address with curl's own parser, so that both see the same host.
    ///
    /// - Throws: `HTTPClientError.invalidURL` with an address that is cut before anything secret.
    package init(url: String) throws(HTTPClientError) {
        guard !url.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7f }),
            let parsed = HTTPOrigin.parts(of: url), ["http", "https"].contains(parsed.scheme),
            let port = UInt16(parsed.port), port > 0
        else { throw .invalidURL(HTTPOrigin.redacted(url)) }
        scheme = parsed.scheme
        host = parsed.host.lowercased()
        self.port = port
    }

    private static func parts(
        of url: String
    ) -> (scheme: String, host: String, port: String)? {
        guard let handle = unsafe curl_url() else { return nil }
        defer { unsafe curl_url_cleanup(handle) }
        guard unsafe curl_url_set(handle, CURLUPART_URL, url, 0) == CURLUE_OK,
            let scheme = unsafe part(handle, CURLUPART_SCHEME),
            let host = unsafe part(handle, CURLUPART_HOST), !host.isEmpty,
            let port = unsafe part(handle, CURLUPART_PORT)
        else { return nil }
        return (scheme, host, port)
    }

    private static func part(_ handle: OpaquePointer, _ part: CURLUPart) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        let code = unsafe curl_url_get(handle, part, &text, UInt32(CURLU_DEFAULT_PORT))
        guard code == CURLUE_OK, let text = unsafe text else { return nil }
        defer { unsafe curl_free(text) }
        return unsafe String(cString: text)
    }

    /// An address without user information, path and query, any of which may be secret.
    static func redacted(_ url: String) -> String {
        let scheme = url.firstRange(of: "://").map { String(url[..<$0.upperBound]) } ?? ""
        let rest = url.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" && $0 != "\\" }
        let host = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? ""
        let text = scheme + host + (authority.count < rest.count ? "/..." : "")
        return text.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7f }) ? "..." : text
    }
}
