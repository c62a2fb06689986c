import COpenSSL
import ServiceRuntime

/// The server's side of one TLS connection over memory, through OpenSSL.
///
/// What comes is read where it lies and what goes out is taken at once, so an idle connection holds OpenSSL's
/// own state and no buffer.
@safe
final class TLSServerStream: StreamSecurity {
    /// Plain bytes that wait for the end of the handshake; a server has little to say before it.
    private static let pendingMax = 64 << 10

    /// Bytes encrypted in one go, so that the memory between stays small.
    private static let sealBytes = 256 << 10

    /// Output over which the memory it took is given back.
    private static let keptOutput = 2 << 10

    private let session: OpaquePointer
    private var pending: [UInt8] = []
    private var output: [UInt8] = []

    /// Takes over the session and the memory that it writes to.
    init(_ session: OpaquePointer, writingTo output: OpaquePointer) {
        unsafe self.session = session
        unsafe SSL_set_accept_state(session)
        unsafe SSL_set0_wbio(session, output)
    }

    deinit { unsafe SSL_free(session) }

    var isEstablished: Bool { unsafe SSL_is_init_finished(session) == 1 }

    func open(_ bytes: Span<UInt8>) throws(StreamSecurityError) -> SecureInput {
        var input = SecureInput(bytes: [], isOver: false)
        let failure: StreamSecurityError? = unsafe bytes.withUnsafeBytes { source in
            guard let base = source.baseAddress, source.count > 0 else { return nil }
            guard let bio = unsafe tocsin_bio_over(base, Int32(source.count)) else {
                return StreamSecurityError(reason: "no memory for TLS")
            }
            // OpenSSL reads from `source` only until the null below takes its place, within this closure.
            unsafe SSL_set0_rbio(session, bio)
            defer { unsafe SSL_set0_rbio(session, nil) }
            return read(into: &input, room: source.count)
        }
        if failure == nil, !pending.isEmpty, isEstablished {
            let waiting = pending
            pending = []
            try seal(waiting)
        }
        collect()
        if let failure { throw failure }
        return input
    }

    /// Reads until OpenSSL wants more; `room`: encrypted bytes at hand.
    private func read(into input: inout SecureInput, room: Int) -> StreamSecurityError? {
        // A record that came in part before may add 16 KiB and its frame to what comes now.
        let capacity = room + (17 << 10)
        var failure: StreamSecurityError?
        input.bytes = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { target, count in
            while count < target.count {
                var taken = 0
                ERR_clear_error()
                // OpenSSL writes at most `target.count - count` bytes from `count`, and says how many.
                let result = unsafe SSL_read_ex(
                    session,
                    target.baseAddress?.advanced(by: count),
                    target.count - count,
                    &taken
                )
                if result == 1 {
                    count += taken
                    continue
                }
                switch unsafe SSL_get_error(session, result) {
                case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return
                case SSL_ERROR_ZERO_RETURN:
                    input.isOver = true
                    return
                default:
                    failure = StreamSecurityError(reason: TLSServerStream.failure())
                    return
                }
            }
        }
        return failure
    }

    func seal(_ bytes: [UInt8]) throws(StreamSecurityError) {
        guard isEstablished else {
            guard pending.count + bytes.count <= TLSServerStream.pendingMax else {
                throw StreamSecurityError(
                    reason: "too much to send before the end of the handshake"
                )
            }
            pending += bytes
            return
        }
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + TLSServerStream.sealBytes)
            var taken = 0
            ERR_clear_error()
            let result = unsafe bytes[start..<end].withUnsafeBytes { piece in
                // The piece stays valid during the call, which copies it.
                unsafe SSL_write_ex(session, piece.baseAddress, piece.count, &taken)
            }
            guard result == 1, taken > 0 else {
                throw StreamSecurityError(reason: TLSServerStream.failure())
            }
            start += taken
            collect()
        }
    }

    func end() {
        guard isEstablished else { return }
        ERR_clear_error()
        // Whatever it says, our word is out; the peer's is not waited for.
        _ = unsafe SSL_shutdown(session)
        ERR_clear_error()
        collect()
    }

    func takeOutput() -> [UInt8] {
        defer { output = [] }
        return output
    }

    /// Moves what OpenSSL has written to `output`.
    private func collect() {
        guard let bio = unsafe SSL_get_wbio(session) else { return }
        let count = unsafe Int(tocsin_bio_pending(bio))
        guard count > 0 else { return }
        let piece = unsafe [UInt8](unsafeUninitializedCapacity: count) { target, taken in
            // OpenSSL writes at most `count` bytes, for which there is room.
            taken = unsafe max(0, Int(BIO_read(bio, target.baseAddress, Int32(count))))
        }
        if output.isEmpty { output = piece } else { output += piece }
        if count > TLSServerStream.keptOutput { renewOutput() }
    }

    /// Gives OpenSSL a new memory to write to; the old one is freed with what it had grown to, or stays where
    /// there is none.
    private func renewOutput() {
        guard let bio = unsafe BIO_new(BIO_s_mem()) else { return }
        unsafe SSL_set0_wbio(session, bio)
    }

    /// OpenSSL's last error in words, with what to do where a sender's settings are at fault.
    private static func failure() -> String {
        let reason = TLSServerContext.reason()
        switch reason {
        case "wrong version number", "http request", "unknown protocol", "packet length too long",
            "https proxy request":
            return "the peer does not speak TLS (\(reason)); turn TLS on in the sender"
        case "peer did not return a certificate":
            return
                "the peer has no client certificate; give it one that an authority of client_ca_file signed"
        case "certificate verify failed":
            return
                "the peer's certificate is not signed by an authority of client_ca_file, or not valid now"
        case let text where text.hasSuffix("unknown ca") || text.hasSuffix("bad certificate"):
            return
                "the peer does not trust our certificate (\(text)); give it the authority that signed it"
        default: return "TLS failed: \(reason)"
        }
    }
}
