/// How a request's connection differs from the client's usual ones.
package struct HTTPConnectionOptions: Hashable, Sendable {
    /// A file of trusted certificates in PEM instead of the system's.
    package var certificateAuthorities: String?
    /// The client's own certificate and its key, files in PEM.
    package var certificate: String?
    package var privateKey: String?
    /// The name that the server's certificate must bear, and that it is asked for by; nil: the address's host.
    package var serverName: String?
    /// False: any certificate will do.
    package var verifiesServer = true
    /// True: TLS 1.3 or nothing.
    package var requiresTLS13 = false
    /// A proxy's address; nil: as the environment says.
    package var proxy: String?
    /// Redirects that are followed; credentials go to the first host alone.
    package var redirectsMax = 0
    /// False: HTTP/1.1 only.
    package var allowsHTTP2 = true

    package init() {}
}
