import APIModel
import Buffers
package import HTTPServer
package import LogStore
import Model
import Synchronization
package import Telemetry
package import Timekeeping

/// `GET /v1/logs`: searches the log rings, and waits for what arrives.
package struct LogRoutes: Sendable {
    private let store: LogStore
    private let limits: LogLimits
    private let clock: any WallClock
    private let sleeper: any Sleeper
    private let monotonic: @Sendable () -> UInt64
    private let isStopping: @Sendable () -> Bool
    /// When this run began: what cursors are good for.
    private let run: Int64
    private let waiters = Waiters()
    private let searches: @Sendable (_ outcome: String) -> Counter

    private final class Waiters: Sendable {
        let count = Atomic(0)
    }

    /// - Parameters:
    ///   - store: What is searched.
    ///   - limits: What a call may take.
    ///   - clock: What `since` counts from.
    ///   - sleeper: How a call waits.
    ///   - monotonic: Nanoseconds for deadlines.
    ///   - isStopping: True when calls that wait must end.
    ///   - metrics: Counts of calls join them.
    package init(
        store: LogStore,
        limits: LogLimits = LogLimits(),
        clock: any WallClock,
        sleeper: any Sleeper = SystemSleeper(),
        monotonic: @escaping @Sendable () -> UInt64 = MonotonicTime.nanoseconds,
        isStopping: @escaping @Sendable () -> Bool = { false },
        metrics: MetricsRegistry
    ) {
        self.store = store
        self.limits = limits
        self.clock = clock
        self.sleeper = sleeper
        self.monotonic = monotonic
        self.isStopping = isStopping
        run = store.startedAt.milliseconds
        searches = { outcome in
            metrics.counter(
                "tocsin_log_searches",
                help: "Searches of log records, by outcome.",
                labels: [("outcome", outcome)]
            )
        }
        let waiters = waiters
        metrics.collect {
            [
                MetricFamily(
                    "tocsin_log_followers",
                    help: "Calls that wait for log records to arrive.",
                    kind: .gauge,
                    points: [MetricPoint([], Double(waiters.count.load(ordering: .relaxed)))]
                )
            ]
        }
    }

    package var routes: [HTTPRoute] { [HTTPRoute("GET", "/v1/logs", .async(answer))] }

    @Sendable private func answer(_ request: HTTPRequest) async -> HTTPResponse {
        do throws(LogQuery.Refusal) {
            let query = try LogQuery(request, limits: limits, now: clock.now())
            guard query.wait > .zero else { return await search(query).response }
            guard waiters.count.add(1, ordering: .relaxed).newValue <= limits.waitersMax else {
                waiters.count.subtract(1, ordering: .relaxed)
                searches("refused").add()
                var busy = DocumentReply.problem(
                    503,
                    "too many followers",
                    "\(limits.waitersMax) calls wait for log records already; ask again without "
                        + "wait, or later"
                )
                busy.headers.append(("Retry-After", "5"))
                return busy
            }
            defer { waiters.count.subtract(1, ordering: .relaxed) }
            return await wait(query)
        } catch {
            searches("bad_request").add()
            return DocumentReply.problem(
                400,
                "bad request",
                error.problems.joined(separator: "; ")
            )
        }
    }

    private struct Found {
        var isEmpty: Bool
        var newest: UInt64
        var response: HTTPResponse
    }

    /// Searches again whenever something has arrived, until something satisfies the search or the time is over.
    private func wait(_ query: LogQuery) async -> HTTPResponse {
        let end = monotonic() &+ UInt64(query.wait.milliseconds) &* 1_000_000
        var query = query
        while true {
            let found = await search(query)
            let now = monotonic()
            guard found.isEmpty, now < end, !isStopping() else { return found.response }
            // What was looked at need not be looked at again.
            query.after = LogCursor(run: run, sequence: found.newest)
            let left = Duration.nanoseconds(Int64(clamping: end - now))
            // A stop of the service is noticed within a second.
            await store.arrivals.wait(
                past: found.newest,
                timeout: min(left, .seconds(1)),
                sleeper: sleeper
            )
            do {
                try await sleeper.sleep(for: min(left, limits.pause))
            } catch {
                return found.response
            }
        }
    }

    /// One search, on a thread that may be kept busy.
    private func search(_ query: LogQuery) async -> Found {
        var search = query.search
        var notes: [String] = []
        if let after = query.after {
            if after.run != run {
                notes.append(
                    "the service was restarted: records from before are gone, and everything "
                        + "since is given"
                )
            }
            search.order = .arrival(after: after.run == run ? after.sequence : 0)
        }
        let asked = search
        let end = monotonic() &+ UInt64(query.timeout.milliseconds) &* 1_000_000
        let (store, monotonic, isStopping) = (store, monotonic, isStopping)
        let result = await offPool {
            store.search(asked) { monotonic() >= end || isStopping() }
        }
        let answer = LogAnswer(query, asked, result, run: run, limits: limits, notes: notes)
        searches(answer.document.complete ? "answered" : "partial").add()
        return Found(
            isEmpty: result.hits.isEmpty && result.isComplete,
            newest: result.newestSequence,
            response: answer.response
        )
    }
}
