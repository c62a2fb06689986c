import Glibc

/// Why a server cannot listen; the message says how to mend it.
package enum ListenError: Error, Hashable, Sendable, CustomStringConvertible {
    case malformed(String, setting: String)
    case unresolved(String, reason: String, setting: String)
    case inUse(String, setting: String)
    case forbidden(String, setting: String)
    case notLocal(String, setting: String)
    case system(String, SystemCallError)

    package var description: String {
        switch self {
        case .malformed(let text, let setting):
            """
            \(setting): "\(text)" is no address to listen on; write HOST:PORT, \
            such as 127.0.0.1:9467, [::1]:9467 or :9467 for all addresses
            """
        case .unresolved(let text, let reason, let setting):
            "\(setting): cannot resolve the host of \"\(text)\": \(reason); write an IP address"
        case .inUse(let address, let setting):
            "address already in use: \(address); stop the other process or change \(setting)"
        case .forbidden(let address, let setting):
            "not allowed to listen on \(address); choose a port above 1023 in \(setting)"
        case .notLocal(let address, let setting):
            "\(address) is no address of this machine; change \(setting)"
        case .system(let address, let error): "cannot listen on \(address): \(error)"
        }
    }

    init(_ error: SystemCallError, address: String, setting: String) {
        switch error.code {
        case EADDRINUSE: self = .inUse(address, setting: setting)
        case EACCES: self = .forbidden(address, setting: setting)
        case EADDRNOTAVAIL: self = .notLocal(address, setting: setting)
        default: self = .system(address, error)
        }
    }
}

/// HOST:PORT as a setting gives it; an empty host means all addresses, IPv4 and IPv6.
package struct ListenAddress: Hashable, Sendable {
    /// Without brackets; empty for all addresses.
    package var host: String
    /// 0 lets the kernel choose.
    package var port: UInt16

    /// Reads `127.0.0.1:9467`, `[::1]:9467`, `localhost:9467` or `:9467`; `setting` names it in the error.
    package init(_ text: String, setting: String) throws(ListenError) {
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")),
            let port = ListenAddress.port(text[text.index(after: colon)...]),
            let host = ListenAddress.host(text[..<colon])
        else { throw .malformed(text, setting: setting) }
        self.host = host
        self.port = port
    }

    private static func port(_ text: Substring) -> UInt16? {
        text.utf8.allSatisfy { 48...57 ~= $0 } ? UInt16(text) : nil
    }

    private static func host(_ text: Substring) -> String? {
        if text.hasPrefix("[") {
            let inner = text.dropFirst().dropLast()
            return text.hasSuffix("]") && inner.contains(":") ? String(inner) : nil
        }
        let plain = text.utf8.allSatisfy { byte in
            48...57 ~= byte || 65...90 ~= byte || 97...122 ~= byte || byte == 45 || byte == 46
                || byte == 95
        }
        return plain ? String(text) : nil
    }
}
