/// Limits and times of an HTTP server; each has a default that fits a small deployment.
package struct HTTPServerSettings: Sendable {
    /// HOST:PORT; port 0 lets the kernel choose.
    package var listen: String
    /// Names `listen` in error messages.
    package var listenSetting: String
    /// Open connections; one more is answered 503.
    package var connectionsMax: Int
    /// Sizes of the request line and the headers.
    package var head: HTTPParserLimits
    /// From the first byte of a request, or from connecting, to the end of its headers; over it 408.
    package var headTime: Duration
    /// What a body may take whatever its length, and also an answer on its way out.
    package var transferGrace: Duration
    /// Bytes a second that a body must reach on average after the grace, else 408; an answer likewise, else it is cut off.
    package var transferFloor: Int
    /// How long a kept connection may wait for its next request.
    package var idleTime: Duration
    /// Body bytes that all connections together may hold; over it 503.
    package var bodyBytesMax: Int
    /// Threads for `.blocking` handlers.
    package var workers: Int
    /// Requests that may wait for a worker; over it 503.
    package var workerQueueMax: Int
    /// `.async` handlers that may run at once; over it 503.
    package var tasksMax: Int
    /// Unsent answer bytes of one connection over which it is not read from.
    package var outputMax: Int
    /// Answers of at least this many bytes are compressed for clients that accept gzip.
    package var gzipMin: Int

    package init(
        listen: String = "127.0.0.1:9467",
        listenSetting: String = "server.listen",
        connectionsMax: Int = 1024,
        head: HTTPParserLimits = HTTPParserLimits(),
        headTime: Duration = .seconds(10),
        transferGrace: Duration = .seconds(10),
        transferFloor: Int = 16 << 10,
        idleTime: Duration = .seconds(120),
        bodyBytesMax: Int = 256 << 20,
        workers: Int = 2,
        workerQueueMax: Int = 64,
        tasksMax: Int = 256,
        outputMax: Int = 1 << 20,
        gzipMin: Int = 1 << 10
    ) {
        precondition(transferFloor > 0, "the floor is above zero, so that every transfer ends")
        self.listen = listen
        self.listenSetting = listenSetting
        self.connectionsMax = connectionsMax
        self.head = head
        self.headTime = headTime
        self.transferGrace = transferGrace
        self.transferFloor = transferFloor
        self.idleTime = idleTime
        self.bodyBytesMax = bodyBytesMax
        self.workers = workers
        self.workerQueueMax = workerQueueMax
        self.tasksMax = tasksMax
        self.outputMax = outputMax
        self.gzipMin = gzipMin
    }

    /// What `count` bytes may take on the network.
    func transferTime(_ count: Int) -> Duration {
        let seconds = Double(count) / Double(transferFloor)
        return transferGrace + .milliseconds(Int64(seconds * 1000))
    }
}
