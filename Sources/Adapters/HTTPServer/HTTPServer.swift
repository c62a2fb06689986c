import Dispatch
import ServiceRuntime
import Synchronization
package import Telemetry
package import Timekeeping

/// An HTTP/1.1 server on one event loop, by RFC 9112 and strict about it.
///
/// Counts `tocsin_http_requests_total{handler,code}`, `tocsin_http_request_duration_seconds{handler}`,
/// `tocsin_http_refused_total{reason}` and `tocsin_connections{listener="http"}`.
package final class HTTPServer: Sendable {
    private struct Running {
        var loop: EventLoop
        var listener: TCPListener
        var workers: WorkerPool
        var core: HTTPServerCore
    }

    private let settings: HTTPServerSettings
    private let routes: [HTTPRoute]
    private let log: Log
    private let metrics: MetricsRegistry
    private let clock: any WallClock
    private let precheck: @Sendable (HTTPRequest) -> HTTPResponse?
    private let fallback: @Sendable (HTTPRequest, HTTPResponse) -> HTTPResponse
    private let running = Mutex<Running?>(nil)

    /// A server that does not listen yet.
    ///
    /// - Parameters:
    ///   - settings: Address, limits and times.
    ///   - routes: What is answered; HEAD and OPTIONS follow from them.
    ///   - log: For what goes wrong here, not for each request.
    ///   - metrics: Where the server's own metrics go.
    ///   - clock: For the Date header.
    ///   - precheck: Runs on the loop's thread for every request whose head is valid, before the body is read and
    ///     also when no route matched; a response ends the request. `route` and `pathParameters` are set.
    ///   - fallback: Rewrites what the server itself answers to a request with a valid head (404, 405, 408,
    ///     413, 503), as for an API's error envelope; runs on the loop's thread.
    package init(
        settings: HTTPServerSettings,
        routes: [HTTPRoute],
        log: Log,
        metrics: MetricsRegistry,
        clock: any WallClock = SystemClock(),
        precheck: @escaping @Sendable (HTTPRequest) -> HTTPResponse? = { _ in nil },
        fallback: @escaping @Sendable (HTTPRequest, HTTPResponse) -> HTTPResponse = { $1 }
    ) {
        self.settings = settings
        self.routes = routes
        self.log = log
        self.metrics = metrics
        self.clock = clock
        self.precheck = precheck
        self.fallback = fallback
    }

    /// Binds the address and serves.
    ///
    /// - Throws: `ListenError` when the address cannot be had, `SystemCallError` when threads or descriptors run out.
    package func start() throws {
        let loop = try EventLoop(name: "http")
        let workers = try WorkerPool(
            name: "http-worker",
            threads: settings.workers,
            queueMax: settings.workerQueueMax
        )
        let core = HTTPServerCore(
            settings: settings,
            routes: routes,
            loop: loop,
            workers: workers,
            log: log,
            clock: clock,
            metrics: HTTPServerMetrics(metrics),
            precheck: precheck,
            fallback: fallback
        )
        let listener: TCPListener
        do {
            listener = try TCPListener(
                address: settings.listen,
                setting: settings.listenSetting,
                name: "http",
                loop: loop,
                settings: TCPConnectionSettings(outputMax: settings.outputMax),
                log: log,
                metrics: metrics
            ) { core.accept($0) }
            try loop.start()
        } catch {
            workers.stop()
            throw error
        }
        let earlier = running.withLock { running in
            defer {
                running = Running(loop: loop, listener: listener, workers: workers, core: core)
            }
            return running
        }
        precondition(earlier == nil, "the HTTP server is started twice")
        listener.start()
    }

    /// The port that is listened on; 0 when the server does not run.
    package var port: UInt16 { running.withLock { $0?.listener.port ?? 0 } }

    /// The address that is listened on, as `127.0.0.1:9467`; nil when the server does not run.
    package var address: String? { running.withLock { $0?.listener.address } }

    /// Accepts no more, lets requests under way finish for at most `drain`, then closes everything.
    ///
    /// Blocks the caller. A `.blocking` handler that is at work is waited for; queued ones are dropped.
    package func stop(drain: Duration) {
        let ended = running.withLock { running in
            defer { running = nil }
            return running
        }
        guard let ended else { return }
        let done = DispatchSemaphore(value: 0)
        ended.listener.close()
        ended.loop.execute { ended.core.drain(done: done) }
        let limit = DispatchTime.now() + .nanoseconds(Int(drain.wholeNanoseconds))
        if done.wait(timeout: limit) == .timedOut {
            log.warn("connections were cut at the end of the drain time")
        }
        ended.loop.execute { ended.core.cancelTasks() }
        ended.loop.stop()
        ended.workers.stop(runQueued: false)
    }
}
