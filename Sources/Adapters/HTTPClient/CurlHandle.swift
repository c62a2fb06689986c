import CCurl
import Glibc

/// One of curl's easy handles, set up for one transfer at a time; used by the client's thread only.
@safe
final class CurlHandle {
    let easy: UnsafeMutableRawPointer
    private let errorText: UnsafeMutablePointer<CChar>
    private var headerList: UnsafeMutablePointer<curl_slist>?
    private var connectTo: UnsafeMutablePointer<curl_slist>?
    private(set) var transfer: Transfer?

    /// Names the handle among others.
    var address: UInt { unsafe UInt(bitPattern: easy) }

    /// Nil when curl has no memory.
    init?() {
        guard let handle = unsafe curl_easy_init() else { return nil }
        unsafe easy = handle
        unsafe errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        unsafe errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        unsafe curl_easy_cleanup(easy)
        unsafe curl_slist_free_all(headerList)
        unsafe curl_slist_free_all(connectTo)
        unsafe errorText.deallocate()
    }

    /// Sets all options for a transfer; false when curl refuses one, for lack of memory or a feature.
    func prepare(_ transfer: Transfer, _ settings: HTTPClientSettings) -> Bool {
        self.transfer = transfer
        let prepared = transfer.prepared
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe errorText.pointee = 0
        let options = [
            text(CURLOPT_URL, prepared.request.url),
            text(CURLOPT_PROTOCOLS_STR, "http,https"),
            text(CURLOPT_USERAGENT, settings.userAgent),
            number(CURLOPT_NOSIGNAL, 1),
            number(CURLOPT_FOLLOWLOCATION, 0),
            number(CURLOPT_TIMEOUT_MS, prepared.timeoutMilliseconds),
            number(CURLOPT_CONNECTTIMEOUT_MS, prepared.timeoutMilliseconds),
            number(CURLOPT_SSL_VERIFYPEER, 1),
            number(CURLOPT_SSL_VERIFYHOST, 2),
            number(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2)),
            number(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS)),
            number(CURLOPT_PIPEWAIT, 1),
            number(CURLOPT_TCP_KEEPALIVE, 1),
            settings.certificateAuthorities.map { text(CURLOPT_CAINFO, $0) } ?? true,
            // The handle outlives the transfer: it stays in the client's list until curl has let go.
            unsafe tocsin_curl_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText) == CURLE_OK,
            unsafe tocsin_curl_set_pointer(easy, CURLOPT_WRITEDATA, context) == CURLE_OK,
            unsafe tocsin_curl_set_pointer(easy, CURLOPT_HEADERDATA, context) == CURLE_OK,
            unsafe tocsin_curl_set_write(easy, CURLOPT_WRITEFUNCTION, CurlHandle.takeBody)
                == CURLE_OK,
            unsafe tocsin_curl_set_write(easy, CURLOPT_HEADERFUNCTION, CurlHandle.takeHeader)
                == CURLE_OK,
            setHeaders(prepared.headerLines),
            setMethod(prepared.request),
            prepared.request.connection.map { setConnection($0, prepared) } ?? true,
        ]
        return options.allSatisfy { $0 }
    }

    /// Forgets the transfer and its options; connections, DNS answers and TLS sessions are kept by curl.
    func reset() {
        unsafe curl_easy_reset(easy)
        unsafe curl_slist_free_all(headerList)
        unsafe headerList = nil
        unsafe curl_slist_free_all(connectTo)
        unsafe connectTo = nil
        transfer = nil
    }

    /// Sets what differs from the client's usual connections; comes last.
    private func setConnection(
        _ options: HTTPConnectionOptions,
        _ prepared: PreparedRequest
    ) -> Bool {
        let redirects = options.redirectsMax
        let version = options.requiresTLS13 ? CURL_SSLVERSION_TLSv1_3 : CURL_SSLVERSION_TLSv1_2
        return [
            options.certificateAuthorities.map { text(CURLOPT_CAINFO, $0) } ?? true,
            options.certificate.map { text(CURLOPT_SSLCERT, $0) } ?? true,
            options.privateKey.map { text(CURLOPT_SSLKEY, $0) } ?? true,
            options.proxy.map { text(CURLOPT_PROXY, $0) } ?? true,
            number(CURLOPT_SSLVERSION, Int(version)),
            options.verifiesServer
                || number(CURLOPT_SSL_VERIFYPEER, 0) && number(CURLOPT_SSL_VERIFYHOST, 0),
            options.allowsHTTP2 || number(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1)),
            redirects == 0
                || number(CURLOPT_FOLLOWLOCATION, 1) && number(CURLOPT_MAXREDIRS, redirects)
                    && text(CURLOPT_REDIR_PROTOCOLS_STR, "http,https"),
            prepared.named.map { setNamed($0, prepared.origin) } ?? true,
        ].allSatisfy { $0 }
    }

    /// Has curl speak to one host under another's name.
    private func setNamed(_ named: PreparedRequest.Named, _ origin: HTTPOrigin) -> Bool {
        let rule = "\(named.host):\(origin.port):\(origin.host):\(origin.port)"
        guard let list = unsafe curl_slist_append(nil, rule) else { return false }
        unsafe connectTo = list
        guard text(CURLOPT_URL, named.url) else { return false }
        return unsafe tocsin_curl_set_pointer(easy, CURLOPT_CONNECT_TO, connectTo) == CURLE_OK
    }

    private func setMethod(_ request: HTTPClientRequest) -> Bool {
        switch request.method {
        case "GET" where request.body.isEmpty: return number(CURLOPT_HTTPGET, 1)
        case "HEAD": return number(CURLOPT_NOBODY, 1)
        case "POST", "PUT", "PATCH":
            return setBody(request.body) && text(CURLOPT_CUSTOMREQUEST, request.method)
        default:
            return (request.body.isEmpty || setBody(request.body))
                && text(CURLOPT_CUSTOMREQUEST, request.method)
        }
    }

    private func setBody(_ body: [UInt8]) -> Bool {
        guard number(CURLOPT_POST, 1),
            unsafe tocsin_curl_set_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count))
                == CURLE_OK
        else { return false }
        // Copied by curl, so the array may go.
        return unsafe body.withUnsafeBytes { bytes in
            let start = unsafe bytes.baseAddress ?? UnsafeRawPointer(errorText)
            return unsafe tocsin_curl_set_pointer(easy, CURLOPT_COPYPOSTFIELDS, start) == CURLE_OK
        }
    }

    private func setHeaders(_ lines: [String]) -> Bool {
        for line in lines {
            guard let longer = unsafe curl_slist_append(headerList, line) else { return false }
            unsafe headerList = longer
        }
        return unsafe tocsin_curl_set_pointer(easy, CURLOPT_HTTPHEADER, headerList) == CURLE_OK
    }

    private func text(_ option: CURLoption, _ value: String) -> Bool {
        unsafe value.withCString { unsafe tocsin_curl_set_pointer(easy, option, $0) == CURLE_OK }
    }

    private func number(_ option: CURLoption, _ value: Int) -> Bool {
        unsafe tocsin_curl_set_long(easy, option, value) == CURLE_OK
    }

    // MARK: Callbacks

    /// Less than `size * count` tells curl to give up.
    private static let takeBody: tocsin_curl_write_callback = { bytes, size, count, context in
        let buffer = unsafe UnsafeRawBufferPointer(start: bytes, count: size * count)
        let taken = unsafe CurlHandle.transfer(context)?.take(body: buffer) ?? false
        return taken ? size * count : 0
    }

    private static let takeHeader: tocsin_curl_write_callback = { bytes, size, count, context in
        let buffer = unsafe UnsafeRawBufferPointer(start: bytes, count: size * count)
        let taken = unsafe CurlHandle.transfer(context)?.take(headerLine: buffer) ?? false
        return taken ? size * count : 0
    }

    /// The context is the handle itself, which the client keeps while curl has it.
    private static func transfer(_ context: UnsafeMutableRawPointer?) -> Transfer? {
        unsafe context.flatMap {
            unsafe Unmanaged<CurlHandle>.fromOpaque($0).takeUnretainedValue().transfer
        }
    }

    // MARK: Outcome

    func outcome(_ code: CURLcode) -> Transfer.Outcome {
        guard let transfer else { return .failure(.cancelled) }
        if code == CURLE_OK {
            var status = 0
            unsafe tocsin_curl_get_long(easy, CURLINFO_RESPONSE_CODE, &status)
            return .success(transfer.reply(status: status))
        }
        var systemError = 0
        unsafe tocsin_curl_get_long(easy, CURLINFO_OS_ERRNO, &systemError)
        let failure = CurlFailure(
            code: code,
            systemError: Int32(truncatingIfNeeded: systemError),
            detail: unsafe String(cString: errorText)
        )
        return .failure(failure.error(for: transfer))
    }
}
