package import CloudWatchIngest
import FoundationEssentials
package import HTTPServer
import Synchronization
package import Timekeeping

/// A CloudWatch of our own, speaking the real wire protocol: ListMetrics, GetMetricData, GetMetricStatistics and
/// PutMetricData over JSON 1.0, every statistic computed from raw observations, pages, faults on demand, signatures verified.
///
/// It serves `tocsin demo` and the tests; its answers are checked against botocore's parser and the AWS CLI.
/// One set of metrics answers for every region. Metric math and Metrics Insights are refused.
package final class CloudWatchStandIn: Sendable {
    /// Limits of the stand-in; the defaults are CloudWatch's where it has one.
    package struct Limits: Hashable, Sendable {
        package var metricsPerPage = 500
        package var datapointsPerPage = 100_800
        package var queriesPerCall = 500
        /// Metrics kept; further ones are refused.
        package var metricsMax = 10_000
        /// Seconds with observations kept of each metric; the oldest go first.
        package var secondsPerMetricMax = 25_000
        /// Single values kept of each metric, 16 bytes each; the oldest seconds go first.
        package var valuesPerMetricMax = 1_000_000

        package init() {}
    }

    private struct State {
        var metrics: [CloudWatchMetric: MetricModel] = [:]
        var faults: [PendingFault] = []
        var clockOffset = Duration.zero
        var listingDelay = Duration.zero
        var calls: [String: Int] = [:]
        var refusals: [String: Int] = [:]
        var forgottenSeconds = 0
    }

    private let keys: [StandInKey]
    private let limits: Limits
    private let clock: any WallClock
    private let state = Mutex(State())

    /// - Parameters:
    ///   - keys: The key pairs that are accepted.
    ///   - limits: Page sizes and sizes of the store.
    ///   - clock: Dates what is recorded and visible.
    package init(keys: [StandInKey], limits: Limits = Limits(), clock: any WallClock) {
        self.keys = keys
        self.limits = limits
        self.clock = clock
    }

    /// The one route of the protocol.
    package var routes: [HTTPRoute] {
        [HTTPRoute("POST", "/", bodyMax: 1 << 20, .blocking { self.respond(to: $0) })]
    }

    // MARK: Control

    /// Adds observations of a second; `visibleAt` later than now makes them late data.
    ///
    /// - Returns: False when there are `metricsMax` metrics already and this would be one more.
    @discardableResult
    package func record(
        _ metric: CloudWatchMetric,
        _ values: some Sequence<Double>,
        at time: Timestamp,
        visibleAt: Timestamp = .distantPast
    ) -> Bool {
        record(metric, Observations(values), at: time, visibleAt: visibleAt)
    }

    /// Adds observations, summaries among them.
    ///
    /// - Returns: False when there are `metricsMax` metrics already and this would be one more.
    @discardableResult
    package func record(
        _ metric: CloudWatchMetric,
        _ observations: Observations,
        at time: Timestamp,
        visibleAt: Timestamp = .distantPast
    ) -> Bool {
        change(metric) { model in
            model.record(observations, at: time, visibleAt: visibleAt)
        }
    }

    /// Replaces everything recorded in `[start, start + period)`: a revision.
    package func revise(
        _ metric: CloudWatchMetric,
        from start: Timestamp,
        for period: Duration,
        to values: some Sequence<Double>
    ) {
        let observations = Observations(values)
        change(metric) { model in
            model.remove(from: start, to: start + period)
            model.record(observations, at: start, visibleAt: .distantPast)
        }
    }

    /// Makes a metric follow a function, which gives the values seen in the second from the given moment on.
    ///
    /// - Parameters:
    ///   - metric: Listed from now on.
    ///   - function: Called for every second asked for up to now; nil ends it.
    package func follow(
        _ metric: CloudWatchMetric,
        _ function: (@Sendable (Timestamp) -> [Double])?
    ) {
        change(metric) { $0.function = function }
    }

    /// Makes the next `times` calls of an operation misbehave; faults wait in line.
    ///
    /// - Parameters:
    ///   - fault: What happens.
    ///   - operation: Nil is any, or GetMetricData for a fault of its results.
    ///   - times: Calls that it lasts for.
    package func inject(_ fault: StandInFault, on operation: String? = nil, times: Int = 1) {
        let operation = operation ?? (fault.isOfResults ? "GetMetricData" : nil)
        state.withLock {
            $0.faults.append(PendingFault(fault: fault, operation: operation, times: times))
        }
    }

    /// Puts the server's clock ahead (or behind) for signatures and `Date`.
    package func setClockOffset(_ offset: Duration) {
        state.withLock { $0.clockOffset = offset }
    }

    /// Makes new metrics appear in ListMetrics only after this time, as CloudWatch's do after up to 15 minutes.
    package func setListingDelay(_ delay: Duration) {
        state.withLock { $0.listingDelay = delay }
    }

    /// Calls answered so far, refused ones included, by operation.
    package var calls: [String: Int] { state.withLock { $0.calls } }

    /// Refusals so far by code.
    package var refusals: [String: Int] { state.withLock { $0.refusals } }

    /// Seconds of observations forgotten because a metric had all it may keep.
    package var forgottenSeconds: Int { state.withLock { $0.forgottenSeconds } }

    @discardableResult
    private func change(_ metric: CloudWatchMetric, _ body: (inout MetricModel) -> Void) -> Bool {
        let now = clock.now()
        return state.withLock { state in
            guard state.metrics[metric] != nil || state.metrics.count < limits.metricsMax else {
                return false
            }
            body(&state.metrics[metric, default: MetricModel(createdAt: now)])
            state.forgottenSeconds +=
                state.metrics[metric]?.trim(
                    seconds: limits.secondsPerMetricMax,
                    values: limits.valuesPerMetricMax
                ) ?? 0
            return true
        }
    }

    // MARK: Protocol

    /// Answers one request; safe to call from any thread.
    package func respond(to request: HTTPRequest) -> HTTPResponse {
        let target = request.header("x-amz-target") ?? ""
        let operation = String(target.split(separator: ".").last ?? "")
        let serverTime = clock.now() + state.withLock { $0.clockOffset }
        var response: HTTPResponse
        do throws(StandInRefusal) {
            state.withLock { $0.calls[operation.isEmpty ? "unknown" : operation, default: 0] += 1 }
            guard target.hasPrefix(CloudWatchProtocol.targetPrefix + ".") else {
                throw StandInRefusal(
                    "UnknownOperationException",
                    "the stand-in speaks JSON 1.0 only; X-Amz-Target must name an operation"
                )
            }
            try SignatureCheck(keys: keys).verify(request, at: serverTime)
            response = try perform(operation, request)
        } catch {
            state.withLock { $0.refusals[error.code, default: 0] += 1 }
            response = error.response
        }
        response.headers.append(("Date", HTTPDate.text(serverTime)))
        response.headers.append(("x-amzn-RequestId", "00000000-0000-0000-0000-000000000000"))
        return response
    }

    private func perform(
        _ operation: String,
        _ request: HTTPRequest
    ) throws(StandInRefusal) -> HTTPResponse {
        let fault = takeFault(operation)
        switch fault {
        case .refuse(let code, let message): throw StandInRefusal(code, message)
        case .fail(let status):
            throw StandInRefusal(
                "InternalServiceFault",
                code: "InternalServiceError",
                "injected failure",
                status: status
            )
        case .partialData, .internalError, .forbidden, .truncatedReply, nil: break
        }
        var response: HTTPResponse
        switch operation {
        case "ListMetrics": response = try listMetrics(Self.decoded(request))
        case "GetMetricData": response = try getMetricData(Self.decoded(request), fault)
        case "GetMetricStatistics": response = try getMetricStatistics(Self.decoded(request))
        case "PutMetricData": response = try putMetricData(Self.decoded(request))
        default:
            throw StandInRefusal("UnknownOperationException", "the stand-in has no \(operation)")
        }
        if fault == .truncatedReply { response.body.removeLast(response.body.count / 2) }
        return response
    }

    private func takeFault(_ operation: String) -> StandInFault? {
        state.withLock { state in
            guard
                let index = state.faults.firstIndex(where: {
                    $0.operation == nil || $0.operation == operation
                })
            else { return nil }
            let fault = state.faults[index].fault
            state.faults[index].times -= 1
            if state.faults[index].times <= 0 { state.faults.remove(at: index) }
            return fault
        }
    }

    private static func decoded<Input: Decodable>(
        _ request: HTTPRequest
    ) throws(StandInRefusal)
        -> Input
    {
        guard request.header("content-encoding") == nil else {
            throw StandInRefusal(
                "SerializationException",
                "the stand-in reads plain bodies only; set disable_request_compression = true"
            )
        }
        do {
            return try JSONDecoder().decode(Input.self, from: Data(request.body))
        } catch {
            throw StandInRefusal(
                "SerializationException",
                "the body is not what the operation takes: \(error)"
            )
        }
    }

    // MARK: ListMetrics

    private func listMetrics(_ input: ListMetricsInput) throws(StandInRefusal) -> HTTPResponse {
        if let active = input.recentlyActive, active != "PT3H" {
            throw .invalidValue("RecentlyActive must be PT3H.")
        }
        guard (input.dimensions ?? []).count <= 10 else {
            throw .validation("The collection Dimensions must not have a size greater than 10.")
        }
        let now = clock.now()
        let all = state.withLock { state in
            state.metrics.filter { _, model in
                guard model.createdAt + state.listingDelay <= now else { return false }
                guard input.recentlyActive != nil, model.function == nil else { return true }
                return (model.newest ?? .distantPast) > now - .seconds(3 * 3600)
            }.keys.filter { Self.matches($0, input) }
        }.sorted { $0.description < $1.description }
        var start = 0
        if let token = input.nextToken {
            guard let place = PageToken(token, of: "list")?.point, place <= all.count else {
                throw StandInRefusal("InvalidNextToken", "Invalid nextToken.")
            }
            start = place
        }
        let end = min(all.count, start + limits.metricsPerPage)
        return StandInReply.json(
            ListMetricsOutput(
                metrics: all[start..<end].map(\.wire),
                nextToken: end < all.count ? PageToken(query: 0, point: end, of: "list").text : nil
            )
        )
    }

    private static func matches(_ metric: CloudWatchMetric, _ input: ListMetricsInput) -> Bool {
        (input.namespace ?? metric.namespace) == metric.namespace
            && (input.metricName ?? metric.name) == metric.name
            && (input.dimensions ?? []).allSatisfy { wanted in
                metric.dimensions.contains {
                    $0.name == wanted.name && (wanted.value ?? $0.value) == $0.value
                }
            }
    }

    // MARK: GetMetricData

    private func getMetricData(
        _ input: GetMetricDataInput,
        _ fault: StandInFault?
    ) throws(StandInRefusal) -> HTTPResponse {
        let now = clock.now()
        let reading = try MetricDataReading(
            input,
            limits: limits,
            now: now,
            fault: fault
        )
        let wanted = Set(reading.queries.map(\.metric))
        // Models are values: the lock is held only while they are copied.
        let models = state.withLock { state in
            state.metrics.filter { wanted.contains($0.key) }
        }
        return StandInReply.json(try reading.page(of: models))
    }

    // MARK: GetMetricStatistics

    private func getMetricStatistics(
        _ input: GetMetricStatisticsInput
    ) throws(StandInRefusal) -> HTTPResponse {
        let reading = try MetricStatisticsReading(input, now: clock.now())
        let model = state.withLock { $0.metrics[reading.metric] }
        return StandInReply.json(reading.output(of: model))
    }

    // MARK: PutMetricData

    private func putMetricData(_ input: PutMetricDataInput) throws(StandInRefusal) -> HTTPResponse {
        for (metric, observations, time) in try input.checked(at: clock.now()) {
            guard record(metric, observations, at: time) else {
                throw StandInRefusal(
                    "LimitExceeded",
                    "the stand-in keeps \(limits.metricsMax) metrics and is full"
                )
            }
        }
        return StandInReply.empty
    }
}
