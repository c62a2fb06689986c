import COpenSSL
import Glibc
package import ServiceRuntime

/// A certificate and key that are loaded, from which the TLS of each connection is made.
///
/// Proof for `@unchecked Sendable`: the context is only read once `init` is over, which OpenSSL allows from any
/// thread; `deinit` runs when nobody else holds the object.
@safe
package final class TLSServerContext: @unchecked Sendable {
    private let context: OpaquePointer
    /// When the certificate ends, in seconds since 1970.
    package let expiresAt: Int64

    /// Loads the files.
    ///
    /// - Throws: Which file is at fault, and why.
    package init(_ files: TLSServerFiles) throws(TLSFilesError) {
        guard let made = unsafe SSL_CTX_new(TLS_server_method()) else {
            throw .system(reason: TLSServerContext.reason())
        }
        var isLoaded = false
        defer { if !isLoaded { unsafe SSL_CTX_free(made) } }
        guard unsafe tocsin_ssl_harden(made) == 1 else {
            throw .system(reason: TLSServerContext.reason())
        }
        try unsafe TLSServerContext.load(files, into: made)
        if let path = files.clientAuthorities {
            try unsafe TLSServerContext.demandCertificates(path, made)
        }
        expiresAt = unsafe TLSServerContext.expiry(made)
        unsafe context = made
        isLoaded = true
    }

    deinit { unsafe SSL_CTX_free(context) }

    private static func load(
        _ files: TLSServerFiles,
        into context: OpaquePointer
    ) throws(TLSFilesError) {
        ERR_clear_error()
        // Without this OpenSSL would ask for a pass phrase on the terminal.
        unsafe SSL_CTX_set_default_passwd_cb(context) { _, _, _, _ in 0 }
        guard unsafe SSL_CTX_use_certificate_chain_file(context, files.certificate) == 1 else {
            throw .certificate(path: files.certificate, reason: reason())
        }
        guard unsafe SSL_CTX_use_PrivateKey_file(context, files.key, SSL_FILETYPE_PEM) == 1 else {
            let why = reason()
            if why == "key values mismatch" {
                throw .mismatch(certificate: files.certificate, key: files.key)
            }
            throw .key(path: files.key, reason: why)
        }
        guard unsafe SSL_CTX_check_private_key(context) == 1 else {
            ERR_clear_error()
            throw .mismatch(certificate: files.certificate, key: files.key)
        }
    }

    private static func demandCertificates(
        _ path: String,
        _ context: OpaquePointer
    ) throws(TLSFilesError) {
        guard let names = unsafe SSL_load_client_CA_file(path),
            unsafe SSL_CTX_load_verify_locations(context, path, nil) == 1
        else { throw .clientAuthorities(path: path, reason: reason()) }
        unsafe SSL_CTX_set_client_CA_list(context, names)
        unsafe SSL_CTX_set_verify(
            context,
            SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
            nil
        )
        // A session that is resumed must be one of this server's.
        let name: [UInt8] = Array("tocsin".utf8)
        unsafe SSL_CTX_set_session_id_context(context, name, UInt32(name.count))
    }

    private static func expiry(_ context: OpaquePointer) -> Int64 {
        var moment = unsafe tm()
        guard let certificate = unsafe SSL_CTX_get0_certificate(context),
            let end = unsafe X509_get0_notAfter(certificate),
            unsafe ASN1_TIME_to_tm(end, &moment) == 1
        else { return 0 }
        return unsafe Int64(timegm(&moment))
    }

    /// What OpenSSL, or else the kernel, says of the last failure.
    static func reason() -> String {
        let code = errno
        if let words = unsafe tocsin_ssl_reason() {
            let text = unsafe String(cString: words)
            return text == "system lib" || text == "no such file"
                ? unsafe String(cString: strerror(code)) : text
        }
        return "unknown"
    }

    /// The TLS of one connection, which begins with its handshake; nil when OpenSSL has no memory for it.
    package func makeStream() -> (any StreamSecurity)? {
        guard let session = unsafe SSL_new(context) else { return nil }
        guard let output = unsafe BIO_new(BIO_s_mem()) else {
            unsafe SSL_free(session)
            return nil
        }
        return unsafe TLSServerStream(session, writingTo: output)
    }
}
