import ElasticsearchIngest
import HTTPClient
import Model
import Timekeeping
import YAML

/// Reads the entries of `sources.elasticsearch`.
struct ElasticsearchSettingsReader {
    let problems: DiagnosticCollector

    /// All entries; names that two of them share are reported.
    func read(_ map: MappingReader) -> [PullSettings] {
        let readers = map.mappings("elasticsearch", "an Elasticsearch or OpenSearch source")
        var names: Set<String> = []
        if readers.count > PullSettings.sourcesMax {
            map.report(
                "elasticsearch",
                "\(readers.count) entries are more than the \(PullSettings.sourcesMax) there may be; read "
                    + "several indices with one (index: a-*,b-*)"
            )
        }
        return readers.compactMap { reader in
            let entry = entry(reader)
            reader.finish()
            guard let entry else { return nil }
            guard names.insert(entry.name).inserted else {
                reader.report(
                    reader.has("name") ? "name" : "index",
                    "two sources are called \"\(entry.name)\"; give each a name of its own, since positions are "
                        + "kept by it"
                )
                return nil
            }
            return entry
        }
    }

    private func entry(_ map: MappingReader) -> PullSettings? {
        let urls = addresses(map)
        let index = index(map)
        guard !urls.isEmpty, let index else { return nil }
        var settings = PullSettings(
            name: map.string("name") ?? index,
            urls: urls,
            index: index
        )
        settings.timeField = map.string("time_field") ?? settings.timeField
        settings.tieBreak = map.string("tie_break")
        settings.query = query(map)
        settings.product = map.choice("product") ?? settings.product
        let hour = Duration.seconds(3600)
        settings.interval = map.duration("interval", in: .seconds(1)...hour) ?? settings.interval
        settings.overlap = map.duration("overlap", in: .zero...(hour * 24)) ?? settings.overlap
        settings.delay = map.duration("delay", in: .zero...hour) ?? settings.delay
        settings.lookback = map.duration("lookback", in: .zero...(hour * 24)) ?? settings.lookback
        settings.keepAlive =
            map.duration("keep_alive", in: .seconds(5)...hour) ?? settings.keepAlive
        settings.timeout = map.duration("timeout", in: .seconds(1)...hour) ?? settings.timeout
        settings.pageSize = map.integer("page_size", in: 1...10_000) ?? settings.pageSize
        settings.documentsMax =
            map.integer("max_documents", in: 1000...50_000_000) ?? settings.documentsMax
        let sizes = (64 << 10)...(4 << 30)
        settings.answerMax = map.bytes("max_answer", in: sizes) ?? settings.answerMax
        settings.decodedMax = map.bytes("max_decoded", in: sizes) ?? settings.decodedMax
        if let auth = map.mapping("auth", "auth") {
            settings.authentication = authentication(auth) ?? .none
            auth.finish()
        }
        if let tls = map.mapping("tls", "tls") {
            settings.connection = connection(tls)
            tls.finish()
        }
        return settings
    }

    private func addresses(_ map: MappingReader) -> [String] {
        if map.has("url"), map.has("urls") {
            map.report("urls", "\"url\" and \"urls\" exclude each other; keep one")
        }
        let given = map.has("urls") ? map.strings("urls") : map.string("url").map { [$0] } ?? []
        let key = map.has("urls") ? "urls" : "url"
        if given.isEmpty { _ = map.required("url") }
        return given.compactMap { url in
            var url = url
            while url.hasSuffix("/") { url.removeLast() }
            guard let rest = url.split(separator: "://", maxSplits: 1).last, rest != url[...],
                url.hasPrefix("http://") || url.hasPrefix("https://")
            else {
                map.report(key, "\"\(url)\" is no address that begins with http:// or https://")
                return nil
            }
            guard !rest.contains("@") else {
                map.report(key, "an address must not hold a password; give auth.basic")
                return nil
            }
            return url
        }
    }

    private func index(_ map: MappingReader) -> String? {
        guard map.required("index") != nil else { return nil }
        return map.parsed("index", "names or patterns of indices, such as logstash-*") { text in
            let isPlain = text.unicodeScalars.allSatisfy { scalar in
                scalar.value > 0x20 && !"/\\?\"<>|# ".unicodeScalars.contains(scalar)
            }
            return isPlain && !text.isEmpty && !text.hasPrefix("_") ? text : nil
        }
    }

    /// A text in the syntax of `query_string`, or a query as Elasticsearch writes it.
    private func query(_ map: MappingReader) -> String? {
        guard let node = map.node("query"), !node.isNull else { return nil }
        if let text = node.text {
            return "{\"query_string\":{\"query\":\(SearchBody.quoted(text))}}"
        }
        guard let entries = node.entries, entries.count == 1, let json = YAMLText.json(node) else {
            map.report(
                "query",
                "a query is a text (status:>=500 AND service:checkout) or one query of the Query DSL "
                    + "(term: {status: 500})"
            )
            return nil
        }
        return json
    }

    private func authentication(_ map: MappingReader) -> PullAuthentication? {
        var found: [PullAuthentication] = []
        if let basic = map.mapping("basic", "auth.basic") {
            if let user = basic.string("username"), let file = basic.string("password_file") {
                found.append(.basic(user: user, passwordFile: file))
            } else {
                _ = basic.required("username")
                _ = basic.required("password_file")
            }
            basic.finish()
        }
        if let file = map.string("api_key_file") { found.append(.apiKey(file: file)) }
        if let file = map.string("bearer_token_file") { found.append(.bearer(file: file)) }
        if let signing = map.mapping("sigv4", "auth.sigv4") {
            found.append(
                .signed(
                    PullAuthentication.Signing(
                        service: signing.choice("service") ?? .es,
                        region: signing.string("region"),
                        roleARN: signing.string("role_arn"),
                        externalID: signing.string("external_id")
                    )
                )
            )
            signing.finish()
        }
        for key in ["password", "api_key", "token"] where map.has(key) {
            map.report(key, "write the secret to a file and give \"\(key)_file\" in its place")
        }
        if found.count > 1 {
            problems.report(
                map.location,
                "auth names several ways to prove who asks; keep one of basic, api_key_file, "
                    + "bearer_token_file, sigv4"
            )
        }
        return found.first
    }

    private func connection(_ map: MappingReader) -> HTTPConnectionOptions {
        var options = HTTPConnectionOptions()
        options.certificateAuthorities = map.string("ca_file")
        options.certificate = map.string("cert_file")
        options.privateKey = map.string("key_file")
        if (options.certificate == nil) != (options.privateKey == nil) {
            map.report(
                map.has("cert_file") ? "cert_file" : "key_file",
                "\"cert_file\" and \"key_file\" go together; give both"
            )
        }
        options.serverName = map.string("server_name")
        options.verifiesServer = !(map.bool("insecure_skip_verify") ?? false)
        return options
    }
}

/// YAML as JSON.
enum YAMLText {
    /// Nil when the tree is deeper than a query may be.
    static func json(_ node: YAMLNode, depth: Int = 0) -> String? {
        guard depth < 32 else { return nil }
        if node.isNull { return "null" }
        if let items = node.items {
            var parts: [String] = []
            for item in items {
                guard let part = json(item, depth: depth + 1) else { return nil }
                parts.append(part)
            }
            return "[\(parts.joined(separator: ","))]"
        }
        if let entries = node.entries {
            var parts: [String] = []
            for entry in entries {
                guard let name = entry.key.text, let part = json(entry.value, depth: depth + 1)
                else { return nil }
                parts.append("\(SearchBody.quoted(name)):\(part)")
            }
            return "{\(parts.joined(separator: ","))}"
        }
        guard let scalar = node.scalar else { return nil }
        guard scalar.style == .plain else { return SearchBody.quoted(scalar.text) }
        switch scalar.text {
        case "true", "false": return scalar.text
        default: break
        }
        let isNumber =
            Int64(scalar.text).map { "\($0)" == scalar.text } ?? false
            || Double(scalar.text).map {
                $0.isFinite && scalar.text.utf8.allSatisfy { "0123456789.-".utf8.contains($0) }
                    && scalar.text.last != "." && scalar.text.first != "."
                    && !(scalar.text.hasPrefix("0") && !scalar.text.hasPrefix("0."))
            } ?? false
        return isNumber ? scalar.text : SearchBody.quoted(scalar.text)
    }
}
