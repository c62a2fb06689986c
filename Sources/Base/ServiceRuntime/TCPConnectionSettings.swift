/// Limits of one TCP connection.
package struct TCPConnectionSettings: Sendable {
    /// Unwritten bytes over which reading stops until half of them are written.
    package var outputMax: Int
    /// Bytes that a handler may leave unread; over it the connection is closed.
    package var leftoverMax: Int
    /// How long, after the last byte is written, the peer's remaining bytes are read and thrown away.
    ///
    /// Closing with unread bytes would reset the connection and could destroy the answer on its way.
    package var lingerMax: Duration
    /// From connecting to the end of the encryption's handshake.
    package var securityTimeMax: Duration

    package init(
        outputMax: Int = 1 << 20,
        leftoverMax: Int = 16 << 20,
        lingerMax: Duration = .seconds(2),
        securityTimeMax: Duration = .seconds(10)
    ) {
        self.outputMax = outputMax
        self.leftoverMax = leftoverMax
        self.lingerMax = lingerMax
        self.securityTimeMax = securityTimeMax
    }
}
