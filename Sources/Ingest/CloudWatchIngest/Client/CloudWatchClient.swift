import FoundationEssentials
package import HTTPClient
import Synchronization
import Telemetry
package import Timekeeping

/// Signed calls to CloudWatch in one region over JSON 1.0, paced, retried and corrected for clock skew.
///
/// Every call may wait for its place in the pace and for retries; a throttled or failed call is tried
/// `RetryPolicy.attemptsMax` times in all.
package final class CloudWatchClient: Sendable {
    private struct State {
        var random: any RandomNumberGenerator & Sendable
        /// What AWS's clock shows beyond ours.
        var clockOffset = Duration.zero
    }

    private struct Refusal {
        var error: CloudWatchError
        var date: Timestamp?
    }

    /// Longest time for one exchange.
    package static let timeout = Duration.seconds(30)

    package let region: String
    private let endpoint: String
    private let credentials: CredentialsCache
    private let http: any HTTPSending
    private let clock: any WallClock
    private let sleeper: any Sleeper
    private let retry: RetryPolicy
    private let counters: CloudWatchCounters
    private let ledger: SpendLedger?
    private let pace: SharedPace
    private let state: Mutex<State>

    /// - Parameters:
    ///   - region: Signs the requests and names the endpoint.
    ///   - endpoint: An address instead of AWS's own; nil takes AWS's.
    ///   - credentials: Shared by the clients of all regions.
    ///   - http: The way out.
    ///   - clock: Dates the signatures.
    ///   - sleeper: Waits for the pace and between tries.
    ///   - retry: How often and how long.
    ///   - pace: Shared by all calls of the account in the region.
    ///   - random: Jitter; tests pass a seeded one.
    ///   - counters: The source's instruments.
    ///   - ledger: Prices every answered request; nil where nobody counts.
    package init(
        region: String,
        endpoint: String?,
        credentials: CredentialsCache,
        http: any HTTPSending,
        clock: any WallClock,
        sleeper: any Sleeper,
        retry: RetryPolicy = RetryPolicy(),
        pace: SharedPace = SharedPace(),
        random: any RandomNumberGenerator & Sendable,
        counters: CloudWatchCounters,
        ledger: SpendLedger? = nil
    ) {
        self.region = region
        let address =
            endpoint
            ?? "https://monitoring.\(region).amazonaws.com" + (region.hasPrefix("cn-") ? ".cn" : "")
        self.endpoint = address.hasSuffix("/") ? address : address + "/"
        self.credentials = credentials
        self.http = http
        self.clock = clock
        self.sleeper = sleeper
        self.retry = retry
        self.counters = counters
        self.ledger = ledger
        self.pace = pace
        state = Mutex(State(random: random))
    }

    /// One page of the metrics that exist.
    package func listMetrics(
        _ input: ListMetricsInput
    ) async throws(CloudWatchError)
        -> ListMetricsOutput
    {
        try await call(.listMetrics, input, for: [])
    }

    /// One page of data points of `queries`.
    package func metricData(
        _ input: GetMetricDataInput,
        of queries: [PlannedQuery] = []
    ) async throws(CloudWatchError)
        -> GetMetricDataOutput
    {
        try await call(.getMetricData, input, for: queries, isFurtherPage: input.nextToken != nil)
    }

    /// Some statistics of one metric, which `queries` asked for.
    package func metricStatistics(
        _ input: GetMetricStatisticsInput,
        of queries: [PlannedQuery] = []
    ) async throws(CloudWatchError)
        -> GetMetricStatisticsOutput
    {
        try await call(.getMetricStatistics, input, for: queries)
    }

    private func call<Output: Decodable & Sendable>(
        _ operation: CloudWatchOperation,
        _ input: some Encodable & Sendable,
        for queries: [PlannedQuery],
        isFurtherPage: Bool = false
    ) async throws(CloudWatchError) -> Output {
        let body: [UInt8]
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            body = [UInt8](try encoder.encode(input))
        } catch {
            throw .malformedReply("the request cannot be written: \(error)")
        }
        let reply = try await exchange(operation.rawValue, body)
        ledger?.record(operation, for: queries, isFurtherPage: isFurtherPage)
        do {
            return try JSONDecoder().decode(Output.self, from: Data(reply.body))
        } catch {
            let start = String(decoding: reply.body.prefix(120), as: UTF8.self)
            throw .malformedReply("\(operation.rawValue) answered \(reply.status) with \(start)")
        }
    }

    private func exchange(
        _ operation: String,
        _ body: [UInt8]
    ) async throws(CloudWatchError) -> HTTPClientReply {
        var attempt = 0
        var correctedClock = false
        var renewedKeys = false
        while true {
            attempt += 1
            try await pause(pace.take(at: clock.now()))
            let keys: AWSCredentials
            do {
                keys = try await credentials.credentials()
            } catch {
                counters.request(operation, outcome: "no_credentials")
                throw .credentials(error)
            }
            let refusal: Refusal
            switch await send(operation, body, with: keys) {
            case .success(let reply):
                pace.succeeded()
                counters.request(operation, outcome: "ok")
                return reply
            case .failure(let failed): refusal = failed
            }
            if case .service(let code, let message, _) = refusal.error {
                counters.request(operation, outcome: CloudWatchError.outcome(code, message))
                if CloudWatchError.isClockSkew(code, message), !correctedClock,
                    let date = refusal.date
                {
                    correctedClock = true
                    let offset = date - clock.now()
                    state.withLock { $0.clockOffset = offset }
                    counters.clockOffset.set(offset.inSeconds)
                    continue
                }
                if CloudWatchError.rejectedKeyCodes.contains(code), !renewedKeys {
                    renewedKeys = true
                    await credentials.reject(keys)
                    continue
                }
                if CloudWatchError.isThrottling(code) {
                    counters.throttled.add()
                    pace.throttled()
                }
            } else {
                counters.request(operation, outcome: "transport")
            }
            guard refusal.error.isTransient, attempt < retry.attemptsMax else {
                throw refusal.error
            }
            counters.retried.add()
            try await pause(waitBeforeRetry(attempt))
        }
    }

    private func waitBeforeRetry(_ attempt: Int) -> Duration {
        state.withLock { state in
            var random = AnyRandom(base: state.random)
            defer { state.random = random.base }
            return retry.wait(after: attempt, using: &random)
        }
    }

    private func pause(_ duration: Duration) async throws(CloudWatchError) {
        guard duration > .zero else { return }
        do {
            try await sleeper.sleep(for: duration)
        } catch {
            throw .cancelled
        }
    }

    private enum Exchange {
        case success(HTTPClientReply)
        case failure(Refusal)
    }

    private func send(
        _ operation: String,
        _ body: [UInt8],
        with keys: AWSCredentials
    ) async
        -> Exchange
    {
        let request = HTTPClientRequest(
            method: "POST",
            url: endpoint,
            headers: [
                ("Content-Type", CloudWatchProtocol.contentType),
                ("X-Amz-Target", "\(CloudWatchProtocol.targetPrefix).\(operation)"),
                ("X-Amzn-Query-Mode", "true"),
            ],
            body: body,
            timeout: Self.timeout
        )
        let signer = RequestSigner(region: region, service: CloudWatchProtocol.signingName)
        let now = clock.now() + state.withLock { $0.clockOffset }
        guard let signed = signer.signed(request, with: keys, at: now) else {
            return .failure(Refusal(error: .invalidEndpoint(endpoint)))
        }
        let reply: HTTPClientReply
        do {
            reply = try await http.send(signed)
        } catch .cancelled {
            return .failure(Refusal(error: .cancelled))
        } catch {
            return .failure(Refusal(error: .transport(error)))
        }
        guard reply.status != 200 else { return .success(reply) }
        return .failure(
            Refusal(
                error: Self.error(of: reply),
                date: reply.header("date").flatMap(HTTPDate.parse)
            )
        )
    }

    /// The error in a reply that is not 200: the code from the query-compatible header, else from the body.
    static func error(of reply: HTTPClientReply) -> CloudWatchError {
        let body = try? JSONDecoder().decode(WireErrorBody.self, from: Data(reply.body))
        let header = reply.header("x-amzn-query-error").flatMap { value in
            value.split(separator: ";").first.map(String.init)
        }
        let type = (body?.type ?? reply.header("x-amzn-errortype")).map { type in
            let local = type.split(separator: "#").last ?? ""
            return String(local.split(separator: ":").first ?? local)
        }
        let code = header ?? type ?? "HTTP\(reply.status)"
        // On one line, as advice is shown: a proxy or another server may answer with a page.
        let text = String(decoding: reply.body.prefix(200), as: UTF8.self)
            .split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return .service(
            code: code,
            message: body?.message ?? (text.isEmpty ? "no message" : text),
            status: reply.status
        )
    }
}

/// A generator behind an existential, opened for generic use.
package struct AnyRandom: RandomNumberGenerator {
    package var base: any RandomNumberGenerator & Sendable

    package init(base: any RandomNumberGenerator & Sendable) {
        self.base = base
    }

    package mutating func next() -> UInt64 { base.next() }
}
