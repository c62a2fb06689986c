/// What a name server tells of a name.
package enum DNSRecord: Hashable, Sendable {
    case address(String)
    case service(host: String, port: Int)

    /// Which records are asked for.
    package enum Kind: UInt16, Hashable, Sendable, CaseIterable {
        case address4 = 1
        case address6 = 28
        case service = 33

        /// As zone files and Prometheus call it.
        package var name: String {
            switch self {
            case .address4: "A"
            case .address6: "AAAA"
            case .service: "SRV"
            }
        }
    }
}

/// Why a name could not be looked up.
package struct DNSProblem: Error, Hashable, Sendable, CustomStringConvertible {
    package var reason: String

    package init(reason: String) { self.reason = reason }

    package var description: String { reason }
}

/// Looks names up; the seam for tests.
package protocol NameResolving: Sendable {
    /// Blocks until there is an answer.
    ///
    /// - Returns: The records of that type; none when the name has none.
    /// - Throws: Why the name servers cannot say.
    func records(of name: String, _ kind: DNSRecord.Kind) throws(DNSProblem) -> [DNSRecord]
}
