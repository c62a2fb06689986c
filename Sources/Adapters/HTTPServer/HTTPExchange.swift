import ServiceRuntime

/// One request from its head to its answer.
struct HTTPExchange {
    var request: HTTPRequest
    /// Index of the route; nil when none matched.
    var route: Int?
    /// An answer that was decided by the head alone and only waits for the request's end.
    var decided: HTTPResponse?
    let isHead: Bool
    let isHTTP10: Bool
    var keepAlive: Bool
    let coding: ContentCoding
    let began: MonotonicInstant
    /// Body bytes taken from the server's budget.
    var reservedBytes = 0

    init(
        _ head: HTTPRequestHead,
        remote: String,
        gzipMin: Int,
        at moment: MonotonicInstant
    ) {
        request = HTTPRequest(
            method: head.method,
            path: head.target.path,
            query: head.target.query,
            headers: head.headers,
            remote: remote
        )
        isHead = head.method == "HEAD"
        isHTTP10 = head.isHTTP10
        keepAlive = head.keepAlive
        coding = ContentCoding(
            acceptEncoding: request.header("accept-encoding"),
            bytesMin: gzipMin
        )
        began = moment
    }
}
