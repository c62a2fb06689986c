import Buffers
package import ServiceRuntime

/// Who may send over the forward protocol, secrets as the files that hold them.
package struct ForwardAccessFiles: Hashable, Sendable {
    /// A user and the file with the password.
    package struct User: Hashable, Sendable {
        package var name: String
        package var passwordFile: String

        package init(name: String, passwordFile: String) {
            self.name = name
            self.passwordFile = passwordFile
        }
    }

    /// Senders from one network.
    package struct Client: Hashable, Sendable {
        package var network: NetworkPrefix
        /// Their own shared key; nil: the common one.
        package var sharedKeyFile: String?
        /// The users that may come from there; empty: all.
        package var users: [String]

        package init(
            network: NetworkPrefix,
            sharedKeyFile: String? = nil,
            users: [String] = []
        ) {
            self.network = network
            self.sharedKeyFile = sharedKeyFile
            self.users = users
        }
    }

    /// The common shared key (`shared_key_file`); nil when each client network has its own.
    package var sharedKeyFile: String?
    /// Empty: no user login.
    package var users: [User]
    /// The first network that holds the sender's address decides.
    package var clients: [Client]
    /// Whether senders from no network of `clients` may come, with the common key.
    package var allowsAnonymousSources: Bool

    package init(
        sharedKeyFile: String?,
        users: [User] = [],
        clients: [Client] = [],
        allowsAnonymousSources: Bool = true
    ) {
        self.sharedKeyFile = sharedKeyFile
        self.users = users
        self.clients = clients
        self.allowsAnonymousSources = allowsAnonymousSources
    }

    var paths: [String] {
        let own = clients.compactMap(\.sharedKeyFile)
        return (sharedKeyFile.map { [$0] } ?? []) + users.map(\.passwordFile) + own
    }
}

/// A secret that cannot be had; the message names the file and the setting, never the secret.
package struct ForwardSecretError: Error, Hashable, Sendable, CustomStringConvertible {
    package var description: String
}

/// Who may send, secrets read.
struct ForwardAccess: Sendable {
    typealias Demand = ForwardHandshake.Demand

    private struct Client {
        var network: NetworkPrefix
        var demand: Demand?
    }

    private let clients: [Client]
    /// For senders from none of the networks; nil: they are turned away.
    private let common: Demand?

    /// Reads the secrets; a line end behind one is no part of it.
    ///
    /// - Throws: Which file cannot be read, or holds nothing.
    init(reading files: ForwardAccessFiles) throws(ForwardSecretError) {
        let key = try files.sharedKeyFile.map { path throws(ForwardSecretError) in
            try ForwardAccess.secret(path, "sources.forward.shared_key_file")
        }
        var passwords: [[UInt8]: [UInt8]] = [:]
        for user in files.users {
            passwords[Array(user.name.utf8)] = try ForwardAccess.secret(
                user.passwordFile,
                "password_file of user \(user.name) in sources.forward.users"
            )
        }
        let login = files.users.isEmpty ? nil : passwords
        var clients: [Client] = []
        for client in files.clients {
            let own = try client.sharedKeyFile.map { path throws(ForwardSecretError) in
                try ForwardAccess.secret(path, "shared_key_file in sources.forward.clients")
            }
            let allowed = client.users.map { Array($0.utf8) }
            let users = allowed.isEmpty ? login : login?.filter { allowed.contains($0.key) }
            clients.append(
                Client(
                    network: client.network,
                    demand: (own ?? key).map { Demand(key: $0, passwords: users) }
                )
            )
        }
        self.clients = clients
        common = files.allowsAnonymousSources ? key.map { Demand(key: $0, passwords: login) } : nil
    }

    /// What a sender from there must know; nil when it may not come at all.
    func demand(of peer: PeerAddress) -> Demand? {
        if let client = clients.first(where: { $0.network.contains(peer) }) { return client.demand }
        return common
    }

    private static func secret(
        _ path: String,
        _ setting: String
    ) throws(ForwardSecretError) -> [UInt8] {
        let bytes: [UInt8]
        do {
            bytes = try WholeFile.bytes(at: path, bytesMax: 64 << 10)
        } catch {
            throw ForwardSecretError(
                description:
                    "\(path) (\(setting)) cannot be read: \(error); check its path and mode"
            )
        }
        let ends: [UInt8] = [0x0a, 0x0d]
        let secret = Array(bytes.reversed().drop { ends.contains($0) }.reversed())
        guard !secret.isEmpty else {
            throw ForwardSecretError(
                description: "\(path) (\(setting)) is empty; write the secret into it"
            )
        }
        return secret
    }
}
