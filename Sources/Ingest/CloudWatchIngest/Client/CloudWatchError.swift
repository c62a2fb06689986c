package import HTTPClient

/// Why CloudWatch gave no answer.
package enum CloudWatchError: Error, Hashable, Sendable, CustomStringConvertible {
    /// There are no credentials to sign with.
    case credentials(CredentialsError)
    /// The connection failed on every try.
    case transport(HTTPClientError)
    /// CloudWatch refused or failed; `code` is AWS's own.
    case service(code: String, message: String, status: Int)
    /// The reply is not what the protocol says.
    case malformedReply(String)
    /// The endpoint in the settings is no http or https address.
    case invalidEndpoint(String)
    case cancelled

    /// Codes that mean "too fast", whatever the HTTP status (usually 400).
    ///
    /// Source: botocore's standard retry mode, with `Throttled` as some services spell it.
    package static let throttlingCodes: Set<String> = [
        "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException",
        "RequestThrottled", "TooManyRequestsException", "RequestLimitExceeded",
        "LimitExceededException", "BandwidthLimitExceeded", "SlowDown", "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException", "TransactionInProgressException",
        "EC2ThrottledException", "Throttled",
    ]

    /// The code of a call that is not allowed or not known there; nil for other errors.
    var refusal: String? {
        guard case .service(let code, _, _) = self else { return nil }
        let refusals = [
            "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized",
            "InvalidAction", "UnknownOperationException",
        ]
        return refusals.contains(code) ? code : nil
    }

    /// True when `code` asks to slow down.
    package static func isThrottling(_ code: String) -> Bool { throttlingCodes.contains(code) }

    /// Codes that mean that our clock and AWS's differ.
    static func isClockSkew(_ code: String, _ message: String) -> Bool {
        switch code {
        case "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture": true
        case "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure":
            message.contains("Signature expired") || message.contains("Signature not yet current")
        default: false
        }
    }

    /// Codes that mean that the keys are no longer good.
    static let rejectedKeyCodes: Set<String> = [
        "ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException",
        "InvalidClientTokenId",
    ]

    /// A short fixed word for an error code, for a counter's label.
    static func outcome(_ code: String, _ message: String) -> String {
        if isThrottling(code) { return "throttled" }
        if isClockSkew(code, message) { return "clock_skew" }
        if rejectedKeyCodes.contains(code) { return "rejected_keys" }
        return code.hasPrefix("AccessDenied") ? "denied" : "error"
    }

    /// True when the same request may succeed a little later.
    package var isTransient: Bool {
        switch self {
        case .credentials(let error): error.isTransient
        case .transport(let error):
            switch error {
            case .unreachable, .timeout, .tls: true
            case .invalidURL, .replyTooLarge, .cancelled: false
            }
        case .service(let code, _, let status):
            Self.isThrottling(code) || status >= 500
        case .malformedReply, .invalidEndpoint, .cancelled: false
        }
    }

    package var description: String {
        switch self {
        case .credentials(let error): "\(error)"
        case .transport(let error): "CloudWatch: \(error)"
        case .service(let code, let message, let status):
            "CloudWatch answered \(status) \(code): \(message)\(Self.remedy(code))"
        case .malformedReply(let reason): "CloudWatch's reply is unreadable: \(reason)"
        case .invalidEndpoint(let url):
            "CloudWatch endpoint \"\(url)\" is not an http or https address; mend sources.cloudwatch endpoint"
        case .cancelled: "cancelled"
        }
    }

    private static func remedy(_ code: String) -> String {
        switch code {
        case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation":
            "; allow cloudwatch:ListMetrics and cloudwatch:GetMetricData to this identity"
        case "UnrecognizedClientException", "InvalidClientTokenId":
            "; the access key is unknown in this region or account, check the keys"
        case "SignatureDoesNotMatch", "InvalidSignatureException":
            "; the secret access key does not belong to the access key id, or a proxy changes requests"
        case "ExpiredToken", "ExpiredTokenException": "; the session token is no longer valid"
        default: ""
        }
    }
}
