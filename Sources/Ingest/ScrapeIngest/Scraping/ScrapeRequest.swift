import Buffers
import Compression
import Cryptography
import HTTPClient
import Timekeeping

/// Why a scrape has failed, with the remedy.
struct ScrapeFailure: Error {
    var reason: String
}

/// One request for a target's page, and what its answer holds.
enum ScrapeRequest {
    /// Bytes of a file with a secret.
    private static let secretMax = 1 << 20
    /// As Go's client has it.
    private static let redirectsMax = 10

    /// A page, unpacked.
    struct Page: Sendable {
        var body: [UInt8]
        var isOpenMetrics: Bool
    }

    /// The request, for an answer of at most `bodyMax` bytes, packed or not; reads the files with secrets.
    static func make(
        _ target: ScrapeTarget,
        _ job: ScrapeJob,
        bodyMax: Int
    ) throws(ScrapeFailure) -> HTTPClientRequest {
        var headers = [
            ("Accept", accept(job.formats)),
            ("X-Prometheus-Scrape-Timeout-Seconds", seconds(target.timeout)),
            ("Accept-Encoding", job.compresses ? "gzip" : "identity"),
        ]
        switch job.credentials {
        case .none: break
        case .basic(let user, let password):
            let pair = try secret(user) + ":" + secret(password)
            headers.append(("Authorization", "Basic " + Base64.encode(pair.utf8)))
        case .token(let type, let token):
            headers.append(("Authorization", "\(type) \(try secret(token))"))
        }
        for header in job.headers {
            for value in header.values { headers.append((header.name, try secret(value))) }
        }
        return HTTPClientRequest(
            url: target.url,
            headers: headers,
            timeout: target.timeout,
            replyMax: bodyMax,
            connection: connection(job.connection)
        )
    }

    private static func connection(_ connection: ScrapeJob.Connection) -> HTTPConnectionOptions {
        var options = HTTPConnectionOptions()
        options.certificateAuthorities = connection.certificateAuthorities
        options.certificate = connection.certificate
        options.privateKey = connection.privateKey
        options.serverName = connection.serverName
        options.verifiesServer = connection.verifiesServer
        options.requiresTLS13 = connection.requiresTLS13
        options.proxy = connection.proxy
        options.redirectsMax = connection.followsRedirects ? redirectsMax : 0
        options.allowsHTTP2 = connection.allowsHTTP2
        return options
    }

    /// Formats in falling preference.
    static func accept(_ formats: [ScrapeJob.Format]) -> String {
        var weight = formats.count + 1
        var parts: [String] = []
        for format in formats {
            let type =
                switch format {
                case .openMetrics1: "application/openmetrics-text;version=1.0.0"
                case .openMetrics0: "application/openmetrics-text;version=0.0.1"
                case .text1: "text/plain;version=1.0.0"
                case .text0: "text/plain;version=0.0.4"
                case .protobuf: ""
                }
            parts.append("\(type);q=0.\(weight)")
            weight -= 1
        }
        return (parts + ["*/*;q=0.1"]).joined(separator: ",")
    }

    private static func seconds(_ duration: Duration) -> String {
        let milliseconds = duration.milliseconds
        return milliseconds % 1000 == 0 ? "\(milliseconds / 1000)" : "\(duration.inSeconds)"
    }

    private static func secret(_ secret: ScrapeJob.Secret) throws(ScrapeFailure) -> String {
        switch secret {
        case .text(let text): return text
        case .file(let path):
            do {
                let bytes = try WholeFile.bytes(at: path, bytesMax: secretMax)
                return String(decoding: bytes, as: UTF8.self).trimmed
            } catch {
                throw ScrapeFailure(
                    reason:
                        "the credentials in \(path) cannot be read: \(error); check its path and "
                        + "mode"
                )
            }
        }
    }

    /// The page of an answer.
    static func page(
        _ reply: HTTPClientReply,
        bodyMax: Int
    ) throws(ScrapeFailure) -> Page {
        guard reply.status == 200 else {
            throw ScrapeFailure(
                reason: "the target answered \(reply.status), not 200\(advice(reply.status))"
            )
        }
        let type = (reply.header("content-type") ?? "").prefix { $0 != ";" && $0 != " " }
        let isOpenMetrics = type.lowercased() == "application/openmetrics-text"
        switch (reply.header("content-encoding") ?? "").lowercased() {
        case "", "identity": return Page(body: reply.body, isOpenMetrics: isOpenMetrics)
        case "gzip", "x-gzip":
            do {
                return Page(
                    body: try Gzip.decompress(reply.body.span, limit: bodyMax),
                    isOpenMetrics: isOpenMetrics
                )
            } catch {
                throw ScrapeFailure(reason: "the page cannot be unpacked: \(error)")
            }
        case let other:
            throw ScrapeFailure(
                reason:
                    "the page is packed as \"\(other)\", which was not asked for; have the target "
                    + "send gzip or nothing"
            )
        }
    }

    private static func advice(_ status: Int) -> String {
        switch status {
        case 301...308: "; give the address that it redirects to, or set follow_redirects"
        case 401, 403: "; check the job's credentials"
        case 404: "; check metrics_path"
        default: ""
        }
    }

    /// What there is no answer for, and what to do.
    static func failure(_ error: HTTPClientError, _ target: ScrapeTarget) -> ScrapeFailure {
        switch error {
        case .timeout:
            ScrapeFailure(
                reason: "\(error); see why the target is slow, or raise scrape_timeout"
            )
        case .unreachable:
            ScrapeFailure(reason: "\(error); start the target, or correct its address")
        case .replyTooLarge:
            ScrapeFailure(
                reason: "\(error); raise body_size_limit (or sources.scrape.max_body), or have the "
                    + "target tell less"
            )
        case .tls: ScrapeFailure(reason: "\(error); check tls_config")
        case .invalidURL, .cancelled: ScrapeFailure(reason: "\(error)")
        }
    }
}
