import Glibc

/// An IP address without its port; an IPv4 address is the same whether it came over IPv4 or IPv6.
package struct PeerAddress: Hashable, Sendable {
    /// The 128 bits of an IPv6 address; IPv4 as `::ffff:a.b.c.d`.
    let high: UInt64
    let low: UInt64

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads `10.0.0.3` or `fd00::3`; nil for anything else, names among it.
    package init?(_ text: String) {
        var bytes = [UInt8](repeating: 0, count: 16)
        let isIPv6 = text.utf8.contains(UInt8(ascii: ":"))
        let family = isIPv6 ? AF_INET6 : AF_INET
        // inet_pton writes 4 bytes for IPv4 and 16 for IPv6, and there are 16.
        let done = unsafe bytes.withUnsafeMutableBytes { room in
            unsafe inet_pton(family, text, room.baseAddress)
        }
        guard done == 1 else { return nil }
        self.init(bytes: isIPv6 ? bytes : PeerAddress.mapped(Array(bytes.prefix(4))))
    }

    init(bytes: [UInt8]) {
        precondition(bytes.count == 16, "an IPv6 address has 16 bytes")
        high = bytes[..<8].reduce(0) { $0 << 8 | UInt64($1) }
        low = bytes[8...].reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The IPv6 form of four bytes.
    static func mapped(_ bytes: [UInt8]) -> [UInt8] {
        [UInt8](repeating: 0, count: 10) + [255, 255] + bytes
    }
}

/// A network in CIDR notation, or one address.
package struct NetworkPrefix: Hashable, Sendable {
    private let address: PeerAddress
    /// Bits of the IPv6 form that must be equal.
    private let bits: Int

    /// Reads `10.0.0.0/8`, `fd00::/8`, `10.0.0.3`; nil for anything else.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2, let first = parts.first, let address = PeerAddress(first) else {
            return nil
        }
        let width = first.utf8.contains(UInt8(ascii: ":")) ? 128 : 32
        var length = width
        if parts.count == 2 {
            guard !parts[1].isEmpty, parts[1].utf8.allSatisfy({ 48...57 ~= $0 }),
                let given = Int(parts[1]), given <= width
            else { return nil }
            length = given
        }
        self.address = address
        bits = 128 - width + length
    }

    /// Whether the address lies in the network.
    package func contains(_ peer: PeerAddress) -> Bool {
        let high = min(bits, 64)
        return NetworkPrefix.agree(address.high, peer.high, high)
            && NetworkPrefix.agree(address.low, peer.low, bits - high)
    }

    private static func agree(_ one: UInt64, _ other: UInt64, _ bits: Int) -> Bool {
        bits == 0 || (one ^ other) >> UInt64(64 - bits) == 0
    }
}
