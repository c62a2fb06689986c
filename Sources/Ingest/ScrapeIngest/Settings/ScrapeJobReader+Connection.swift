import YAML

extension ScrapeJobReader {
    /// One of `basic_auth`, `authorization` and `bearer_token`, or none.
    func readCredentials(_ map: MappingReader, _ job: inout ScrapeJob) {
        var found: [ScrapeJob.Credentials] = []
        if let basic = map.mapping("basic_auth", "basic_auth") {
            found.append(
                .basic(
                    user: secret(basic, "username") ?? .text(""),
                    password: secret(basic, "password") ?? .text("")
                )
            )
            basic.finish()
        }
        if let authorization = map.mapping("authorization", "authorization") {
            let type = authorization.string("type") ?? "Bearer"
            if type.lowercased() == "basic" {
                authorization.report("type", "use \"basic_auth\" for the type Basic")
            }
            if let token = secret(authorization, "credentials") {
                found.append(.token(type: type, token))
            }
            authorization.finish()
        }
        if let token = secret(map, "bearer_token") {
            found.append(.token(type: "Bearer", token))
        }
        if found.count > 1 {
            map.problems.report(
                map.location,
                "\(map.what) has several credentials; keep one of basic_auth, authorization and "
                    + "bearer_token"
            )
        }
        job.credentials = found.first ?? .none
        readHeaders(map, &job)
    }

    /// A value, or the file named by the key with `_file` behind it.
    private func secret(_ map: MappingReader, _ key: String) -> ScrapeJob.Secret? {
        let text = map.string(key)
        let file = map.string(key + "_file")
        if text != nil, file != nil {
            map.report(key, "\"\(key)\" and \"\(key)_file\" are both given; remove one of them")
        }
        return text.map { .text($0) } ?? file.map { .file($0.inFolder(folder)) }
    }

    private func readHeaders(_ map: MappingReader, _ job: inout ScrapeJob) {
        guard let headers = map.mapping("http_headers", "http_headers") else { return }
        job.headers = headers.keys.compactMap(\.text).compactMap { name in
            guard let header = headers.mapping(name, "a header") else { return nil }
            defer { header.finish() }
            let texts = header.strings("values") + header.strings("secrets")
            return ScrapeJob.Header(
                name: name,
                values: texts.map { .text($0) }
                    + header.strings("files").map { .file($0.inFolder(folder)) }
            )
        }
    }

    func readConnection(_ map: MappingReader, _ job: inout ScrapeJob) {
        var connection = ScrapeJob.Connection()
        connection.followsRedirects = map.bool("follow_redirects") ?? true
        connection.allowsHTTP2 = map.bool("enable_http2") ?? true
        if let proxy = map.string("proxy_url"), !proxy.isEmpty { connection.proxy = proxy }
        // The environment's proxies are taken in any case.
        _ = map.bool("proxy_from_environment")
        for key in ["no_proxy", "proxy_connect_header"] where map.has(key) {
            map.report(
                key,
                "\"\(key)\" is not supported; set no_proxy in the environment, or remove it"
            )
        }
        if let tls = map.mapping("tls_config", "tls_config") {
            read(tls: tls, &connection)
        }
        job.connection = connection
    }

    private func read(tls map: MappingReader, _ connection: inout ScrapeJob.Connection) {
        connection.certificateAuthorities = map.string("ca_file")?.inFolder(folder)
        connection.certificate = map.string("cert_file")?.inFolder(folder)
        connection.privateKey = map.string("key_file")?.inFolder(folder)
        if (connection.certificate == nil) != (connection.privateKey == nil) {
            map.report(
                map.has("cert_file") ? "cert_file" : "key_file",
                "\"cert_file\" and \"key_file\" go together; give both"
            )
        }
        if let name = map.string("server_name"), !name.isEmpty { connection.serverName = name }
        connection.verifiesServer = !(map.bool("insecure_skip_verify") ?? false)
        for key in ["ca", "cert", "key"] where map.has(key) {
            map.report(
                key,
                "\"\(key)\" is not supported; write it to a file and give \"\(key)_file\""
            )
        }
        for key in ["ca_ref", "cert_ref", "key_ref"] where map.has(key) {
            map.report(key, "\"\(key)\" is not supported; give files instead")
        }
        let versions = ["TLS10", "TLS11", "TLS12", "TLS13"]
        let lowest = map.choice("min_version", among: versions.map { ($0, $0) })
        connection.requiresTLS13 = lowest == "TLS13"
        if let highest = map.choice("max_version", among: versions.map { ($0, $0) }),
            highest != "TLS13"
        {
            map.report(
                "max_version",
                "\"max_version\" below TLS13 is not supported; remove it"
            )
        }
        map.finish()
    }
}
