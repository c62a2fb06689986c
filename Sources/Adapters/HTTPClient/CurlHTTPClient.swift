import Glibc
package import ServiceRuntime
import Synchronization
package import Telemetry

/// Sends requests through libcurl, all on one thread.
///
/// Certificates are always checked, redirects never followed, connections reused, HTTP/2 used where a TLS server
/// offers it, proxies taken from the environment as curl does (`https_proxy`, `no_proxy`). Every request has
/// a timeout; cancelling the task cancels the transfer.
///
/// Counts `tocsin_http_client_requests_total{outcome}` and `tocsin_http_client_request_duration_seconds`.
package final class CurlHTTPClient: HTTPSending, Sendable {
    private struct Running {
        var worker: CurlWorker
        var thread: ServiceThread
    }

    private let settings: HTTPClientSettings
    private let log: Log
    private let metrics: HTTPClientMetrics
    private let allow: @Sendable (HTTPOrigin) -> Bool
    private let running = Mutex<Running?>(nil)

    /// A client that does not run yet; `allow` says which hosts may be asked at all.
    package init(
        log: Log,
        metrics: MetricsRegistry,
        settings: HTTPClientSettings = HTTPClientSettings(),
        allow: @escaping @Sendable (HTTPOrigin) -> Bool = { _ in true }
    ) {
        self.log = log
        self.metrics = HTTPClientMetrics(metrics)
        self.settings = settings
        self.allow = allow
    }

    deinit {
        stop()
    }

    /// Starts the client's thread.
    package func start() throws(SystemCallError) {
        guard let worker = CurlWorker(settings: settings, log: log) else {
            throw SystemCallError("curl_global_init", code: ENOMEM)
        }
        let thread = try ServiceThread(name: "http-client") { worker.run() }
        let earlier = running.withLock { running in
            defer { running = Running(worker: worker, thread: thread) }
            return running
        }
        precondition(earlier == nil, "the HTTP client is started twice")
    }

    /// Cancels what is under way and ends the thread; a second call does nothing.
    package func stop() {
        let ended = running.withLock { running in
            defer { running = nil }
            return running
        }
        ended?.worker.stop()
        ended?.thread.join()
    }

    package func send(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientReply
    {
        let began = MonotonicInstant.now()
        let outcome: Transfer.Outcome
        do {
            outcome = await transfer(try checked(request))
        } catch {
            outcome = .failure(error)
        }
        metrics.ended(outcome, took: MonotonicInstant.now() - began)
        return try outcome.get()
    }

    private func checked(_ request: HTTPClientRequest) throws(HTTPClientError) -> PreparedRequest {
        let prepared = try PreparedRequest(request)
        guard allow(prepared.origin) else {
            throw .invalidRequest(prepared.origin, "requests to this host are not allowed")
        }
        return prepared
    }

    private func transfer(_ prepared: PreparedRequest) async -> Transfer.Outcome {
        guard let worker = running.withLock({ $0?.worker }) else { return .failure(.cancelled) }
        let ticket = RequestTicket()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let transfer = Transfer(
                    prepared,
                    replyHeadMax: settings.replyHeadMax,
                    continuation
                )
                if !worker.begin(ticket, transfer) { transfer.finish(.failure(.cancelled)) }
            }
        } onCancel: {
            ticket.cancel()
            worker.cancel(ticket)
        }
    }
}
