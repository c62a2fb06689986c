import Buffers
package import CloudWatchIngest
import Cryptography
package import HTTPClient
package import Timekeeping
import WireFormats

/// Speaks to one cluster: opens, searches and closes points in time, as its product wants it.
package actor SearchClient {
    /// How the product is spoken to.
    private struct Dialect {
        var isOpenSearch: Bool
        var tieBreak: String
    }

    /// A point in time that is open.
    private struct Point {
        var id: String
        var dialect: Dialect
    }

    private let settings: PullSettings
    private let http: any HTTPSending
    private let environment: AWSEnvironment
    private let credentials: CredentialsCache?
    private let clock: any WallClock
    private let reader: SearchReader
    private var dialect: Dialect?
    private var region: String?
    private var point: Point?
    /// Which of the addresses is asked.
    private var node = 0

    /// - Parameters:
    ///   - settings: Of the source.
    ///   - http: The way out.
    ///   - environment: Variables and files for credentials, and the files of passwords.
    ///   - credentials: For signed requests.
    ///   - clock: Dates signatures.
    package init(
        settings: PullSettings,
        http: any HTTPSending,
        environment: AWSEnvironment,
        credentials: CredentialsCache?,
        clock: any WallClock
    ) {
        self.settings = settings
        self.http = http
        self.environment = environment
        self.credentials = credentials
        self.clock = clock
        reader = SearchReader(decodedMax: settings.decodedMax)
    }

    /// True while a point in time is held.
    package var isOpen: Bool { point != nil }

    /// Asks another node from now on.
    package func turnToNextNode() { node = (node + 1) % settings.urls.count }

    /// Opens a point in time; one that is held is given back.
    package func open() async throws(PullProblem) {
        await close()
        let dialect = try await knownDialect()
        let keepAlive = "\(settings.keepAlive.milliseconds)ms"
        let index = SearchClient.path(settings.index)
        let reply = try await send(
            "POST",
            dialect.isOpenSearch
                ? "/\(index)/_search/point_in_time?keep_alive=\(keepAlive)"
                    + "&allow_partial_pit_creation=false"
                : "/\(index)/_pit?keep_alive=\(keepAlive)",
            action: "opening a point in time"
        )
        let body = try? JSONValue(reply.body.span, depthMax: 32, repairing: true)
        guard let id = body?[dialect.isOpenSearch ? "pit_id" : "id"]?.string else {
            // Another product may have taken its place.
            self.dialect = nil
            throw PullProblem(
                .permanent,
                cause: "malformed",
                "opening a point in time was answered without one; is url Elasticsearch or OpenSearch? set "
                    + "product in sources.elasticsearch"
            )
        }
        point = Point(id: id, dialect: dialect)
    }

    /// Searches the point in time.
    package func search(_ request: SearchRequest) async throws(PullProblem) -> SearchAnswer {
        guard let held = point else {
            throw SearchErrors.lost("none is open")
        }
        let body = SearchBody.search(
            request,
            point: held.id,
            tieBreak: held.dialect.tieBreak,
            settings
        )
        let answer: SearchAnswer
        do throws(PullProblem) {
            let reply = try await send(
                "POST",
                "/_search?allow_partial_search_results=false",
                body,
                action: "searching"
            )
            answer = try reader.search(reply.body.span, arrival: clock.now())
        } catch {
            if error.kind == .pointLost { point = nil }
            throw error
        }
        if let id = answer.point { point?.id = id }
        guard answer.shards != 0 else {
            throw PullProblem(
                .permanent,
                cause: "index_missing",
                "no index fits \"\(settings.index)\": check index in sources.elasticsearch"
            )
        }
        return answer
    }

    /// Gives the point in time back; that it could not be is no matter, since it ends by itself.
    package func close() async {
        guard let held = point else { return }
        point = nil
        let id = SearchBody.quoted(held.id)
        _ = try? await send(
            "DELETE",
            held.dialect.isOpenSearch ? "/_search/point_in_time" : "/_pit",
            held.dialect.isOpenSearch ? "{\"pit_id\":[\(id)]}" : "{\"id\":\(id)}",
            action: "closing a point in time"
        )
    }

    // MARK: Product

    private func knownDialect() async throws(PullProblem) -> Dialect {
        if let dialect { return dialect }
        let found = try await findDialect()
        dialect = found
        return found
    }

    private func findDialect() async throws(PullProblem) -> Dialect {
        func dialect(isOpenSearch: Bool, hasShardDoc: Bool) -> Dialect {
            Dialect(
                isOpenSearch: isOpenSearch,
                tieBreak: settings.tieBreak ?? (hasShardDoc ? "_shard_doc" : "_id")
            )
        }
        if case .signed(let signing) = settings.authentication, signing.service == .aoss {
            // Collections do not answer GET /.
            return dialect(isOpenSearch: true, hasShardDoc: false)
        }
        let reply: HTTPClientReply
        do throws(PullProblem) {
            reply = try await send("GET", "/", action: "asking for the version")
        } catch {
            // A key that may read an index need not be allowed to ask the cluster what it is.
            guard error.cause == "forbidden", settings.product != .auto else {
                guard error.cause == "forbidden" else { throw error }
                throw PullProblem(
                    .permanent,
                    cause: error.cause,
                    error.text
                        + "; or say product: elasticsearch or opensearch, then GET / is not needed"
                )
            }
            return dialect(
                isOpenSearch: settings.product == .opensearch,
                hasShardDoc: settings.product == .elasticsearch
            )
        }
        let body = try? JSONValue(reply.body.span, depthMax: 32, repairing: true)
        guard let version = body?["version"], let number = version["number"]?.string else {
            throw PullProblem(
                .permanent,
                cause: "malformed",
                "GET / names no version; is url the address of Elasticsearch or OpenSearch?"
            )
        }
        let isOpenSearch =
            settings.product == .auto
            ? version["distribution"]?.string == "opensearch" : settings.product == .opensearch
        let parts = number.split(separator: ".").prefix(2).map { Int($0) ?? 0 }
        let (major, minor) = (parts.first ?? 0, parts.count > 1 ? parts[1] : 0)
        let hasShardDoc =
            isOpenSearch
            ? (major, minor) >= (3, 3) && major < 7 : (major, minor) >= (7, 12)
        return dialect(isOpenSearch: isOpenSearch, hasShardDoc: hasShardDoc)
    }

    // MARK: Sending

    /// An index pattern in a path: commas and stars stand as they are, as the clients of both products write them.
    private static func path(_ index: String) -> String {
        RequestSigner.percentEncoded(index, keeping: ",*:")
    }

    private func send(
        _ method: String,
        _ path: String,
        _ body: String = "",
        action: String
    ) async throws(PullProblem) -> HTTPClientReply {
        var request = HTTPClientRequest(
            method: method,
            url: settings.urls[node] + path,
            headers: [("Accept", "application/json")],
            body: Array(body.utf8),
            timeout: settings.timeout,
            replyMax: settings.answerMax,
            connection: settings.connection
        )
        if !body.isEmpty { request.headers.append(("Content-Type", "application/json")) }
        var keys: AWSCredentials?
        switch settings.authentication {
        case .none: break
        case .basic(let user, let file):
            let pair = "\(user):\(try secret(file))"
            request.headers.append(("Authorization", "Basic \(Base64.encode(Array(pair.utf8)))"))
        case .apiKey(let file):
            let key = try secret(file)
            let encoded = key.contains(":") ? Base64.encode(Array(key.utf8)) : key
            request.headers.append(("Authorization", "ApiKey \(encoded)"))
        case .bearer(let file):
            request.headers.append(("Authorization", "Bearer \(try secret(file))"))
        case .signed(let signing): keys = try await sign(&request, signing)
        }
        let reply: HTTPClientReply
        do {
            reply = try await http.send(request)
        } catch {
            throw SearchClient.problem(error, action, settings)
        }
        guard reply.status != 200 else { return reply }
        if let keys, reply.status == 401 || reply.status == 403 { await credentials?.reject(keys) }
        throw SearchErrors.problem(reply, settings, action)
    }

    private func sign(
        _ request: inout HTTPClientRequest,
        _ signing: PullAuthentication.Signing
    ) async throws(PullProblem) -> AWSCredentials? {
        do throws(CredentialsError) {
            guard let credentials else { return nil }
            let region = try await knownRegion(signing)
            let keys = try await credentials.credentials()
            // Serverless wants the digest as a header; domains do not mind.
            request.headers.append(
                ("X-Amz-Content-SHA256", Hexadecimal.encode(Digest.sha256(request.body)))
            )
            let signer = RequestSigner(region: region, service: signing.service.rawValue)
            guard let signed = signer.signed(request, with: keys, at: clock.now()) else {
                throw CredentialsError(link: "url", reason: "\(request.url) is no http address")
            }
            request = signed
            return keys
        } catch {
            throw PullProblem(
                error.isTransient ? .unreachable : .permanent,
                cause: "no_credentials",
                "\(error)"
            )
        }
    }

    private func knownRegion(
        _ signing: PullAuthentication.Signing
    ) async throws(CredentialsError) -> String {
        if let known = signing.region ?? region { return known }
        let found = try await RegionResolution.resolve(environment, http: http)
        region = found
        return found
    }

    private func secret(_ file: String) throws(PullProblem) -> String {
        do throws(FileReadError) {
            let bytes = try environment.readFile(file)
            let text = String(decoding: bytes, as: UTF8.self)
            return text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        } catch {
            throw PullProblem(
                .permanent,
                cause: "no_secret",
                "the secret in \(file) cannot be read: \(error); check its path and mode"
            )
        }
    }

    private static func problem(
        _ error: HTTPClientError,
        _ action: String,
        _ settings: PullSettings
    ) -> PullProblem {
        switch error {
        case .replyTooLarge:
            PullProblem(
                .unusable,
                cause: "too_large",
                "\(action): \(error); lower page_size or raise max_answer"
            )
        case .tls:
            PullProblem(
                .permanent,
                cause: "tls",
                "\(action): \(error); give the cluster's certificate authority as tls.ca_file in "
                    + "sources.elasticsearch, and check that url names what the certificate is for"
            )
        case .invalidURL:
            PullProblem(.permanent, cause: "invalid_url", "\(action): \(error)")
        case .unreachable:
            PullProblem(
                .unreachable,
                cause: "unreachable",
                "\(action): \(error); check url in sources.elasticsearch, and that the cluster runs"
            )
        case .timeout:
            PullProblem(
                .unreachable,
                cause: "timeout",
                "\(action): \(error); lower page_size or raise timeout"
            )
        case .cancelled: PullProblem(.unreachable, cause: "cancelled", "\(action): cancelled")
        }
    }
}
