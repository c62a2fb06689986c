import Cryptography
import ServiceRuntime
package import YAML

/// Reads `sources.forward` of the settings.
package struct ForwardSettingsReader {
    private static let day = Duration.seconds(86400)

    package init() {}

    /// Reads the section; what is wrong with it is reported where it stands.
    package func read(_ map: MappingReader) -> ForwardSettings {
        var settings = ForwardSettings()
        let listen = map.parsed("listen", "HOST:PORT, such as 127.0.0.1:24224") { text in
            (try? ListenAddress(text, setting: "listen")) == nil ? nil : text
        }
        settings.listen = listen ?? settings.listen
        settings.hostName = map.string("host_name") ?? settings.hostName
        settings.access = access(map)
        settings.tls = map.mapping("tls", "sources.forward.tls").flatMap { tls(map, $0) }
        settings.keepsAlive = map.bool("keepalive") ?? settings.keepsAlive
        readTimes(map, &settings)
        readLimits(map, &settings)
        map.finish()
        return settings
    }

    private func readTimes(_ map: MappingReader, _ settings: inout ForwardSettings) {
        let idle = map.duration("idle_timeout", in: .zero...Self.day) ?? .zero
        settings.idleTimeMax = idle == .zero ? nil : idle
        settings.handshakeTimeMax =
            map.duration("handshake_timeout", in: .seconds(1)...(.seconds(600)))
            ?? settings.handshakeTimeMax
        settings.messageTimeMax =
            map.duration("message_timeout", in: .seconds(1)...(.seconds(3600)))
            ?? settings.messageTimeMax
    }

    private func readLimits(_ map: MappingReader, _ settings: inout ForwardSettings) {
        let sizes = (64 << 10)...(4 << 30)
        settings.messageMax = map.bytes("max_message", in: sizes) ?? settings.messageMax
        settings.decompressedMax =
            map.bytes("max_decompressed", in: sizes) ?? settings.decompressedMax
        settings.decodedMax = map.bytes("max_decoded", in: sizes) ?? settings.decodedMax
        settings.bufferedMax = map.bytes("max_buffered", in: sizes) ?? settings.bufferedMax
        settings.entriesMax =
            map.integer("max_entries", in: 1...100_000_000) ?? settings.entriesMax
        // A record is read by recursion: deeper ones could run out of stack.
        settings.depthMax = map.integer("max_depth", in: 1...200) ?? settings.depthMax
        settings.chunkIDMax = map.integer("max_chunk_id", in: 16...65_536) ?? settings.chunkIDMax
        settings.connectionsMax =
            map.integer("max_connections", in: 1...1_000_000) ?? settings.connectionsMax
        settings.connectionsPerPeerMax =
            map.integer("max_connections_per_peer", in: 1...1_000_000)
            ?? settings.connectionsPerPeerMax
        settings.chunksRemembered =
            map.integer("remembered_chunks", in: 1...10_000_000) ?? settings.chunksRemembered
    }

    // MARK: Who may send

    private func access(_ map: MappingReader) -> ForwardAccessFiles? {
        let key = map.string("shared_key_file")
        let users = map.mappings("users", "a user").compactMap(user)
        let names = users.map(\.name)
        let clients = map.mappings("clients", "a client network").compactMap {
            client($0, users: names, hasCommonKey: key != nil)
        }
        let anonymous = map.bool("allow_anonymous_source")
        if key == nil, !users.isEmpty, clients.isEmpty {
            map.report(
                "users",
                "users log in within the handshake, which needs a shared key; add shared_key_file"
            )
        }
        if anonymous != nil, clients.isEmpty {
            map.report(
                "allow_anonymous_source",
                "\"allow_anonymous_source\" is for senders from no network of \"clients\"; add clients, or "
                    + "leave it out"
            )
        }
        if Set(names).count != names.count {
            map.report("users", "two users have the same name; rename one of them")
        }
        guard key != nil || !users.isEmpty || !clients.isEmpty else { return nil }
        return ForwardAccessFiles(
            sharedKeyFile: key,
            users: users,
            clients: clients,
            allowsAnonymousSources: anonymous ?? true
        )
    }

    private func user(_ map: MappingReader) -> ForwardAccessFiles.User? {
        defer { map.finish() }
        guard let name = map.requiredString("name"),
            let file = map.requiredString("password_file")
        else { return nil }
        return ForwardAccessFiles.User(name: name, passwordFile: file)
    }

    private func client(
        _ map: MappingReader,
        users known: [String],
        hasCommonKey: Bool
    ) -> ForwardAccessFiles.Client? {
        defer { map.finish() }
        let words = "a network, such as 10.0.0.0/8, or an address"
        let network = map.parsed("network", words) { NetworkPrefix($0) }
        let key = map.string("shared_key_file")
        let users = map.strings("users")
        if let unknown = users.first(where: { !known.contains($0) }) {
            map.report("users", "user \"\(unknown)\" is not in sources.forward.users; add it there")
        }
        guard let network else {
            if !map.has("network") {
                map.report("network", "a client network needs \"network\", such as 10.0.0.0/8")
            }
            return nil
        }
        guard key != nil || hasCommonKey else {
            map.report(
                "network",
                "senders from there have no shared key; add shared_key_file here or to sources.forward"
            )
            return nil
        }
        return ForwardAccessFiles.Client(network: network, sharedKeyFile: key, users: users)
    }

    private func tls(_ parent: MappingReader, _ map: MappingReader) -> TLSServerFiles? {
        defer { map.finish() }
        let certificate = map.string("cert_file")
        let key = map.string("key_file")
        let authorities = map.string("client_ca_file")
        switch (certificate, key) {
        case (let certificate?, let key?):
            return TLSServerFiles(
                certificate: certificate,
                key: key,
                clientAuthorities: authorities
            )
        case (nil, nil) where authorities == nil: return nil
        case (nil, nil), (nil, _), (_, nil):
            parent.report("tls", "TLS needs both cert_file and key_file; add what is missing")
            return nil
        }
    }
}
