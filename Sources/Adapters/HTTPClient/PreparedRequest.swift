/// A request that was checked and may go to curl.
struct PreparedRequest: Sendable {
    let request: HTTPClientRequest
    let origin: HTTPOrigin
    /// `NAME: VALUE`, or `NAME;` for an empty value, or `NAME:` for a header that curl shall not add.
    let headerLines: [String]
    let timeoutMilliseconds: Int
    /// The address under the name that the server's certificate must bear, where that differs.
    let named: Named?

    /// An address whose host stands for another.
    struct Named: Sendable {
        var url: String
        var host: String
    }

    /// Refuses what would change the meaning of the bytes on the wire.
    init(_ request: HTTPClientRequest) throws(HTTPClientError) {
        origin = try HTTPOrigin(url: request.url)
        self.request = request
        guard !request.method.isEmpty, request.method.utf8.allSatisfy(PreparedRequest.isToken)
        else {
            throw .invalidRequest(origin, "the method is no HTTP method")
        }
        // curl takes the body's length from the body, and waits for no 100 Continue.
        var lines = ["Expect:"]
        var hasType = false
        for (name, value) in request.headers {
            guard !name.isEmpty, name.utf8.allSatisfy(PreparedRequest.isToken) else {
                throw .invalidRequest(
                    origin,
                    "a header's name is not made of letters and -"
                )
            }
            guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 }) else {
                throw .invalidRequest(
                    origin,
                    "the value of header \(name) holds a line end or another control character"
                )
            }
            switch name.lowercased() {
            case "content-length", "transfer-encoding", "expect":
                throw .invalidRequest(
                    origin,
                    "header \(name) is the client's own to set"
                )
            case "content-type": hasType = true
            default: break
            }
            lines.append(value.isEmpty ? "\(name);" : "\(name): \(value)")
        }
        if !hasType { lines.append("Content-Type:") }
        if origin.scheme == "https", let name = request.connection?.serverName {
            named = try PreparedRequest.rename(request.url, origin, name)
        } else {
            named = nil
        }
        if named != nil, !request.headers.contains(where: { $0.name.lowercased() == "host" }) {
            lines.append("Host: \(origin)")
        }
        headerLines = lines
        let (seconds, attoseconds) = request.timeout.components
        let milliseconds = Double(seconds) * 1000 + Double(attoseconds) / 1e15
        timeoutMilliseconds = Int(min(max(milliseconds, 1), 1e9))
    }

    /// The address with another host in it.
    private static func rename(
        _ url: String,
        _ origin: HTTPOrigin,
        _ name: String
    ) throws(HTTPClientError) -> Named {
        let scheme = url.firstRange(of: "://").map { url[..<$0.upperBound] } ?? ""
        let rest = url.dropFirst(scheme.count)
        let path = rest.drop { $0 != "/" && $0 != "?" && $0 != "#" }
        let renamed = "\(scheme)\(name):\(origin.port)\(path)"
        guard try HTTPOrigin(url: renamed).host == name.lowercased() else {
            throw .invalidRequest(origin, "\(name) is no server's name")
        }
        return Named(url: renamed, host: name)
    }

    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
