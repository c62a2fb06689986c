/// What comes before a request's body, checked and decoded.
package struct HTTPRequestHead: Sendable {
    /// How the body's length is told.
    package enum Framing: Hashable, Sendable {
        case none
        /// Content-Length, above zero.
        case length(Int)
        case chunked
    }

    package var method: String
    package var target: HTTPTarget
    /// Names in lower case, values trimmed, in order.
    package var headers: [(name: String, value: String)]
    package var framing: Framing
    package var isHTTP10: Bool
    /// Whether the client keeps the connection for another request.
    package var keepAlive: Bool
    /// The client waits for `100 Continue` before it sends the body.
    package var expectsContinue: Bool
}
