package import Cryptography

/// Where the forward protocol listens and what it accepts; every limit has a default and a counter when hit.
package struct ForwardSettings: Hashable, Sendable {
    /// HOST:PORT (`sources.forward.listen`); port 0 lets the kernel choose.
    package var listen = "127.0.0.1:24224"
    /// Who may send; nil: anybody, without a handshake.
    package var access: ForwardAccessFiles?
    /// Certificate and key (`sources.forward.tls`); nil: no TLS.
    package var tls: TLSServerFiles?
    /// The name given in the handshake (`host_name`); a client refuses a server that bears its own.
    package var hostName = "tocsin"
    /// Whether a connection may carry one message after another (`keepalive`).
    package var keepsAlive = true
    /// How long a connection may say nothing between messages (`idle_timeout`); nil: for ever.
    package var idleTimeMax: Duration?
    /// From connecting to the end of the handshake (`handshake_timeout`).
    package var handshakeTimeMax: Duration = .seconds(10)
    /// From the first byte of a message to its last (`message_timeout`).
    package var messageTimeMax: Duration = .seconds(60)

    /// Bytes of one message (`max_message`); a longer one is dropped and not acknowledged.
    package var messageMax = 32 << 20
    /// Bytes of one message in JSON.
    package var jsonMessageMax = 4 << 20
    /// Bytes of a compressed message after decompression (`max_decompressed`).
    package var decompressedMax = 64 << 20
    /// Bytes of memory that the records of one message may take, by estimate (`max_decoded`).
    package var decodedMax = 256 << 20
    /// Entries of one message (`max_entries`); one with more is dropped and not acknowledged.
    package var entriesMax = 1_000_000
    /// Containers within containers of a record (`max_depth`); a deeper record is dropped, its neighbours are kept.
    package var depthMax = 32
    /// Bytes of a chunk id (`max_chunk_id`); a message with a longer one is dropped and not acknowledged.
    package var chunkIDMax = 256

    /// Connections at once (`max_connections`).
    package var connectionsMax = 10_000
    /// Connections at once from one address (`max_connections_per_peer`).
    package var connectionsPerPeerMax = 1000
    /// Bytes that all connections together may hold back unread (`max_buffered`); over it the connection that asks
    /// for more is closed, and its sender comes again.
    package var bufferedMax = 128 << 20
    /// Chunks that are remembered (`remembered_chunks`), so that one that is sent again is acknowledged and not
    /// counted twice.
    package var chunksRemembered = 65_536
    /// The file that keeps them over a restart; nil: memory alone.
    package var chunkLogPath: String?
    /// Without keep-alive: how long after a message a connection may say something more before it is closed.
    ///
    /// Closing at once would lose what a sender without acknowledgements already has on its way.
    static let lastWordTime: Duration = .seconds(1)

    /// Threads that decode and admit.
    package var workers = 2
    /// Decoded messages that may wait for a thread, one for each connection.
    package var queueMax: Int { connectionsMax }

    package init() {}

    /// Settings with some of them changed.
    package init(_ change: (inout ForwardSettings) -> Void) {
        change(&self)
    }
}
