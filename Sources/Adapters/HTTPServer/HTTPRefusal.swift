/// Why the server itself, and not a handler, ended a request; the `reason` label of `tocsin_http_refused_total`.
enum HTTPRefusal: String, CaseIterable, Sendable {
    /// Over `connectionsMax`.
    case connectionLimit = "connection_limit"
    /// Not HTTP, or ambiguous.
    case malformed
    /// Over `head.requestLineMax`.
    case targetTooLong = "target_too_long"
    /// Over `head.headerBytesMax` or `head.headersMax`.
    case headTooLong = "head_too_long"
    /// Over the route's `bodyMax`.
    case bodyTooLong = "body_too_long"
    /// Over `bodyBytesMax`.
    case bodyMemory = "body_memory"
    /// Headers took longer than `headTime`.
    case slowHead = "slow_head"
    /// The body came slower than `transferFloor`.
    case slowBody = "slow_body"
    /// The answer was taken slower than `transferFloor`.
    case slowReader = "slow_reader"
    /// Over `workerQueueMax`.
    case workersBusy = "workers_busy"
    /// Over `tasksMax`.
    case tasksBusy = "tasks_busy"

    init(_ error: HTTPParseError) {
        self =
            switch error.status {
            case 413: .bodyTooLong
            case 414: .targetTooLong
            case 431: .headTooLong
            default: .malformed
            }
    }
}
