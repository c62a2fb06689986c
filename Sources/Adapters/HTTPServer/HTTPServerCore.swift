import Dispatch
import ServiceRuntime
import Telemetry
import Timekeeping

/// What the connections of one server share.
///
/// Proof for `@unchecked Sendable`: the mutable state is touched on the loop's thread only; other threads use
/// `runBlocking`'s and `runTask`'s closures, which come back by `loop.execute`.
final class HTTPServerCore: @unchecked Sendable {
    /// Connections over the limit that are told so at once; beyond them the door is shut without a word.
    private static let refusedMax = 64

    let settings: HTTPServerSettings
    let routes: [HTTPRoute]
    let router: HTTPRouter
    let precheck: @Sendable (HTTPRequest) -> HTTPResponse?
    let fallback: @Sendable (HTTPRequest, HTTPResponse) -> HTTPResponse
    private let loop: EventLoop
    private let workers: WorkerPool
    private let log: Log
    private let clock: any WallClock
    private let metrics: HTTPServerMetrics

    private var connections: [Int: HTTPConnection] = [:]
    private var refusing = 0
    private var nextID = 0
    private var bodyBytes = 0
    private var tasks: [TaskKey: Task<Void, Never>] = [:]
    private var httpDate = DateHeader()
    private var drained: DispatchSemaphore?

    private struct TaskKey: Hashable {
        var connection: Int
        var number: Int
    }

    init(
        settings: HTTPServerSettings,
        routes: [HTTPRoute],
        loop: EventLoop,
        workers: WorkerPool,
        log: Log,
        clock: any WallClock,
        metrics: HTTPServerMetrics,
        precheck: @escaping @Sendable (HTTPRequest) -> HTTPResponse?,
        fallback: @escaping @Sendable (HTTPRequest, HTTPResponse) -> HTTPResponse
    ) {
        self.settings = settings
        self.routes = routes
        router = HTTPRouter(routes)
        self.loop = loop
        self.workers = workers
        self.log = log
        self.clock = clock
        self.metrics = metrics
        self.precheck = precheck
        self.fallback = fallback
    }

    var isDraining: Bool { drained != nil }

    // MARK: Connections

    /// The handler of a new connection; over the limit one that has answered 503 already.
    func accept(_ tcp: TCPConnection) -> (any ConnectionHandler)? {
        guard connections.count < settings.connectionsMax else { return refuse(tcp) }
        nextID += 1
        let connection = HTTPConnection(core: self, id: nextID, tcp: tcp)
        connections[nextID] = connection
        return connection
    }

    private func refuse(_ tcp: TCPConnection) -> (any ConnectionHandler)? {
        count(.connectionLimit)
        guard refusing < HTTPServerCore.refusedMax else { return nil }
        refusing += 1
        let response = HTTPResponse(
            status: 503,
            headers: [("Content-Type", "text/plain; charset=utf-8"), ("Retry-After", "1")],
            body: Array("503 Service Unavailable: too many connections; try again\n".utf8)
        )
        let form = HTTPResponseWriter.Form(
            isHead: false,
            isHTTP10: false,
            keepAlive: false,
            date: date()
        )
        tcp.send(head(response, form).head, then: response.body)
        tcp.closeWhenSent(by: .now() + settings.transferGrace)
        return RefusedConnection { self.refusing -= 1 }
    }

    func forget(_ id: Int) {
        connections[id] = nil
        if connections.isEmpty { drained?.signal() }
    }

    /// Answers what is under way and closes the rest; `done` is signalled when no connection is left.
    func drain(done: DispatchSemaphore) {
        drained = done
        if connections.isEmpty { done.signal() }
        for connection in connections.values { connection.drain() }
    }

    func cancelTasks() {
        for task in tasks.values { task.cancel() }
    }

    // MARK: Handlers off the loop

    /// Queues work whose outcome goes to request `number` of connection `id`; false when the queue is full.
    func runBlocking(
        for id: Int,
        _ number: Int,
        _ work: @escaping @Sendable () -> HTTPResponse
    ) -> Bool {
        workers.submit {
            let response = work()
            self.loop.execute { self.connections[id]?.handled(response, number: number) }
        }
    }

    /// Starts a task likewise; false when too many run.
    func runTask(
        for id: Int,
        _ number: Int,
        _ work: @escaping @Sendable () async -> HTTPResponse
    ) -> Bool {
        guard tasks.count < settings.tasksMax else { return false }
        let key = TaskKey(connection: id, number: number)
        tasks[key] = Task {
            let response = await work()
            self.loop.execute {
                self.tasks[key] = nil
                self.connections[id]?.handled(response, number: number)
            }
        }
        return true
    }

    // MARK: Body budget

    func reserve(_ bytes: Int) -> Bool {
        guard bytes <= settings.bodyBytesMax - bodyBytes else { return false }
        bodyBytes += bytes
        return true
    }

    func release(_ bytes: Int) {
        bodyBytes -= bytes
        assert(bodyBytes >= 0, "more body bytes were released than reserved")
    }

    // MARK: Answers

    func date() -> String { httpDate.text(at: clock.now()) }

    /// The answer as it can be sent: a handler's that would break the framing becomes a 500, and is logged.
    func head(
        _ response: HTTPResponse,
        _ form: HTTPResponseWriter.Form
    ) -> (response: HTTPResponse, head: [UInt8]) {
        if let head = HTTPResponseWriter.head(response, form) { return (response, head) }
        log.error(
            "a handler's answer was not sent: its status or a header is invalid",
            ["status": "\(response.status)"]
        )
        let failed = HTTPResponse(
            status: 500,
            contentType: "text/plain; charset=utf-8",
            "500 Internal Server Error: the answer was malformed; see the server's log\n"
        )
        return (failed, HTTPResponseWriter.head(failed, form) ?? [])
    }

    func count(_ cause: HTTPRefusal) { metrics.refused(cause) }

    func observe(
        route: Int?,
        status: Int,
        since began: MonotonicInstant?,
        to end: MonotonicInstant
    ) {
        metrics.answered(
            handler: route.map { routes[$0].pattern } ?? "none",
            status: status,
            took: began.map { end - $0 }
        )
    }
}

/// A connection over the limit, on its way out.
private final class RefusedConnection: ConnectionHandler {
    private let whenClosed: () -> Void

    init(whenClosed: @escaping () -> Void) { self.whenClosed = whenClosed }

    func received(_ bytes: Span<UInt8>, on connection: TCPConnection) -> Int { bytes.count }

    func inputEnded(on connection: TCPConnection) {}

    func deadlinePassed(on connection: TCPConnection) {}

    func closed(_ reason: CloseReason, on connection: TCPConnection) { whenClosed() }
}
