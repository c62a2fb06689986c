/// Why an encrypted connection cannot go on.
package struct StreamSecurityError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What happened and how to mend it, for a log line.
    package var reason: String

    package init(reason: String) { self.reason = reason }

    package var description: String { reason }
}

/// What came out of encrypted bytes.
package struct SecureInput: Sendable {
    package var bytes: [UInt8]
    /// The peer has said that nothing follows.
    package var isOver: Bool

    package init(bytes: [UInt8], isOver: Bool) {
        self.bytes = bytes
        self.isOver = isOver
    }
}

/// Encryption of one connection, TLS for instance; it does no I/O of its own.
///
/// Used on one thread. After each call the owner sends what `takeOutput` gives.
package protocol StreamSecurity: AnyObject {
    /// Whether the handshake is over.
    var isEstablished: Bool { get }

    /// Decrypts what came from the peer; handshake messages are dealt with inside.
    ///
    /// - Throws: When the connection must end; `takeOutput` then has what the peer should be told.
    func open(_ bytes: Span<UInt8>) throws(StreamSecurityError) -> SecureInput

    /// Encrypts what goes to the peer; before the end of the handshake it is kept until then.
    func seal(_ bytes: [UInt8]) throws(StreamSecurityError)

    /// Says that nothing follows.
    func end()

    /// Encrypted bytes to be sent, in order; empty when there are none.
    func takeOutput() -> [UInt8]
}
