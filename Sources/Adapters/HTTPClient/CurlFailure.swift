import CCurl
import Glibc

/// Curl's verdict on a transfer, on its way to plain words.
struct CurlFailure {
    var code: CURLcode
    /// `errno` of the last failed connect, 0 for none.
    var systemError: Int32
    /// Curl's own sentence; it is used for TLS only, where it names the certificate's fault.
    var detail: String

    func error(for transfer: Transfer) -> HTTPClientError {
        let request = transfer.prepared.request
        let host = transfer.prepared.origin.description
        switch transfer.refusal {
        case .replyTooLarge: return .replyTooLarge(host: host, limit: request.replyMax)
        case .headTooLarge:
            return .unreachable(host: host, reason: "the answer's headers are too long")
        case nil: break
        }
        switch code {
        case CURLE_URL_MALFORMAT: return .invalidURL(HTTPOrigin.redacted(request.url))
        case CURLE_OPERATION_TIMEDOUT: return .timeout(host: host, after: request.timeout)
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM,
            CURLE_SSL_CIPHER, CURLE_SSL_ENGINE_INITFAILED, CURLE_SSL_CACERT_BADFILE,
            CURLE_SSL_CRL_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS,
            CURLE_SSL_PINNEDPUBKEYNOTMATCH:
            return .tls(host: host, reason: detail.isEmpty ? words : detail)
        default: return .unreachable(host: host, reason: reason)
        }
    }

    private var reason: String {
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST: "could not resolve host"
        case CURLE_COULDNT_RESOLVE_PROXY: "could not resolve the proxy's host"
        case CURLE_COULDNT_CONNECT: connectReason
        case CURLE_GOT_NOTHING: "the connection was closed without an answer"
        case CURLE_RECV_ERROR: "the connection broke while the answer was awaited"
        case CURLE_SEND_ERROR: "the connection broke while the request was sent"
        case CURLE_PARTIAL_FILE: "the answer was cut short"
        case CURLE_WEIRD_SERVER_REPLY, CURLE_UNSUPPORTED_PROTOCOL: "the answer is no HTTP"
        case CURLE_HTTP2, CURLE_HTTP2_STREAM: "the HTTP/2 connection failed"
        case CURLE_PROXY: "the proxy refused"
        default: words
        }
    }

    private var connectReason: String {
        switch systemError {
        case 0: "could not connect"
        case ECONNREFUSED: "connection refused"
        default: unsafe String(cString: strerror(systemError)).lowercased()
        }
    }

    private var words: String { unsafe String(cString: curl_easy_strerror(code)) }
}
