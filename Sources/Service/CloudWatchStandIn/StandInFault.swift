/// A misbehaviour of CloudWatch that a test or a demonstration asks for.
package enum StandInFault: Hashable, Sendable {
    /// The whole call is refused with HTTP 400 and this code.
    case refuse(code: String, message: String)
    /// The whole call fails with this HTTP status.
    case fail(status: Int)
    /// Results of a metric come with half of their points and no token, as `PartialData`.
    case partialData(metricName: String)
    /// Results of a metric come empty, as `InternalError`.
    case internalError(metricName: String)
    /// Results of a metric come empty, as `Forbidden`.
    case forbidden(metricName: String)
    /// The reply is cut in the middle of its JSON.
    case truncatedReply

    /// True when it shows in the results of GetMetricData alone.
    var isOfResults: Bool {
        switch self {
        case .partialData, .internalError, .forbidden: true
        case .refuse, .fail, .truncatedReply: false
        }
    }

    /// "Rate exceeded", as CloudWatch says it: HTTP 400.
    package static let throttling = StandInFault.refuse(
        code: "Throttling",
        message: "Rate exceeded"
    )
}

/// A fault that waits for its calls.
struct PendingFault: Sendable {
    var fault: StandInFault
    /// Nil: any operation.
    var operation: String?
    var times: Int
}
