/// Limits and habits of a client.
package struct HTTPClientSettings: Sendable {
    /// What the client calls itself in User-Agent.
    package var userAgent: String
    /// Requests under way at once; one more is refused and counted as `unreachable`.
    package var transfersMax: Int
    /// Connections to one host at once; more requests wait for one of them, within their timeouts.
    package var connectionsPerHostMax: Int
    /// Connections that are kept open for later, to all hosts together; nil: as many as curl finds right.
    package var connectionsKeptMax: Int?
    /// Bytes of a reply's headers.
    package var replyHeadMax: Int
    /// A file of trusted certificates in PEM instead of the system's; nil for the system's.
    package var certificateAuthorities: String?

    package init(
        userAgent: String = "tocsin",
        transfersMax: Int = 256,
        connectionsPerHostMax: Int = 8,
        connectionsKeptMax: Int? = nil,
        replyHeadMax: Int = 256 << 10,
        certificateAuthorities: String? = nil
    ) {
        self.userAgent = userAgent
        self.transfersMax = transfersMax
        self.connectionsPerHostMax = connectionsPerHostMax
        self.connectionsKeptMax = connectionsKeptMax
        self.replyHeadMax = replyHeadMax
        self.certificateAuthorities = certificateAuthorities
    }
}
