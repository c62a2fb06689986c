import Compression

/// Why a whole request is turned away; nothing of it is in.
package struct FirehoseProblem: Error, Hashable, Sendable {
    /// 413 is for good: Firehose sends such data to its bucket at once.
    ///
    /// Anything else it tries again.
    package var status: Int
    /// As it is counted.
    package var cause: String
    package var reason: String
    /// When to come again, where that helps.
    package var retryAfter: Duration?

    /// Not now.
    static func comeAgain(_ pause: Duration, _ reason: String) -> FirehoseProblem {
        FirehoseProblem(status: 503, cause: "overloaded", reason: reason, retryAfter: pause)
    }

    /// Cannot be read.
    static func malformed(_ reason: String) -> FirehoseProblem {
        FirehoseProblem(status: 400, cause: "malformed", reason: reason)
    }

    /// Over the limit of a setting.
    static func overLimit(_ setting: String, _ reason: String) -> FirehoseProblem {
        FirehoseProblem(
            status: 413,
            cause: setting,
            reason: "\(reason); lower the buffer size of the Firehose stream or raise "
                + "sources.firehose.\(setting)"
        )
    }

    /// What compressed data turned out to be.
    static func unpacking(
        _ error: CompressionError,
        of what: String,
        limit setting: String
    ) -> FirehoseProblem {
        guard case .tooLarge = error else { return malformed("\(what): \(error)") }
        return overLimit(setting, "\(what): \(error)")
    }
}

/// Why one data point or log event can never be taken; its neighbours are.
package struct PointRefusal: Error, Hashable, Sendable {
    /// As it is counted.
    package var cause: String
    package var reason: String
}
