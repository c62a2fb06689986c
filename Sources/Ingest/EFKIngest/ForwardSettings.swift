/// Where the forward protocol listens and what it accepts; every limit has a default and a counter when hit.
package struct ForwardSettings: Hashable, Sendable {
    /// HOST:PORT (`sources.forward.listen`); port 0 lets the kernel choose.
    package var listen: String
    /// The shared key of the handshake; nil for none (`sources.forward.shared_key_file`).
    package var sharedKey: [UInt8]?
    /// The name given in the handshake; a client refuses a server that bears its own.
    package var hostName: String
    /// Bytes of one message (`sources.forward.max_message`); a longer one is dropped and not acknowledged.
    package var messageMax: Int
    /// Bytes of one message in JSON.
    package var jsonMessageMax: Int
    /// Bytes of a compressed message after decompression (`sources.forward.max_decompressed`).
    package var decompressedMax: Int
    /// Bytes of memory that the records of one message may take, by estimate (`sources.forward.max_decoded`).
    package var decodedMax: Int
    /// Containers within containers of a record; a deeper record is dropped, its neighbours are kept.
    package var depthMax: Int
    /// Connections at once (`sources.forward.max_connections`).
    package var connectionsMax: Int
    /// Bytes that all connections together may hold back unread (`sources.forward.max_buffered`); over it the
    /// connection that asks for more is closed, and its sender comes again.
    package var bufferedMax: Int
    /// From the first byte of a message to its last, and from connecting to the end of the handshake.
    package var messageTimeMax: Duration
    /// Chunk ids that are remembered, so that a chunk sent again is acknowledged and not counted twice.
    package var chunksRemembered: Int
    /// Threads that decode and admit.
    package var workers: Int

    package init(
        listen: String = "127.0.0.1:24224",
        sharedKey: [UInt8]? = nil,
        hostName: String = "tocsin",
        messageMax: Int = 32 << 20,
        jsonMessageMax: Int = 4 << 20,
        decompressedMax: Int = 64 << 20,
        decodedMax: Int = 256 << 20,
        depthMax: Int = 32,
        connectionsMax: Int = 1000,
        bufferedMax: Int = 128 << 20,
        messageTimeMax: Duration = .seconds(60),
        chunksRemembered: Int = 16384,
        workers: Int = 2
    ) {
        self.listen = listen
        self.sharedKey = sharedKey
        self.hostName = hostName
        self.messageMax = messageMax
        self.jsonMessageMax = jsonMessageMax
        self.decompressedMax = decompressedMax
        self.decodedMax = decodedMax
        self.depthMax = depthMax
        self.connectionsMax = connectionsMax
        self.bufferedMax = bufferedMax
        self.messageTimeMax = messageTimeMax
        self.chunksRemembered = chunksRemembered
        self.workers = workers
    }
}
