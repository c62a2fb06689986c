/// Where a TLS server's certificate and key lie.
package struct TLSServerFiles: Hashable, Sendable {
    /// The certificate in PEM, the server's own first, then those that lead to its authority.
    package var certificate: String
    /// The private key in PEM, without a pass phrase.
    package var key: String
    /// Authorities in PEM, one of which must have signed each client's certificate; nil asks clients for none.
    package var clientAuthorities: String?

    package init(certificate: String, key: String, clientAuthorities: String? = nil) {
        self.certificate = certificate
        self.key = key
        self.clientAuthorities = clientAuthorities
    }
}

/// Why a certificate or key cannot be used.
package enum TLSFilesError: Error, Hashable, Sendable, CustomStringConvertible {
    case certificate(path: String, reason: String)
    case key(path: String, reason: String)
    /// The key does not belong to the certificate.
    case mismatch(certificate: String, key: String)
    case clientAuthorities(path: String, reason: String)
    case system(reason: String)

    package var description: String {
        switch self {
        case .certificate(let path, let reason):
            "the certificate \(path) (cert_file) cannot be used: \(reason); it must be PEM, the server's own "
                + "certificate first"
        case .key(let path, let reason):
            "the key \(path) (key_file) cannot be used: \(reason); it must be PEM without a pass phrase"
        case .mismatch(let certificate, let key):
            "the key \(key) (key_file) is not that of the certificate \(certificate) (cert_file)"
        case .clientAuthorities(let path, let reason):
            "the authorities \(path) (client_ca_file) cannot be used: \(reason); they must be certificates in PEM"
        case .system(let reason): "TLS cannot be set up: \(reason)"
        }
    }
}
