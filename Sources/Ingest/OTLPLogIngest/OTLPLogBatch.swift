package import Model

/// An export request taken apart.
package struct OTLPLogBatch: Sendable {
    package var records: [LogRecord] = []
    /// Log records that can never be taken.
    package var rejected = 0
    /// Why the first of them was rejected.
    package var firstRejection = ""

    package init() {}
}

/// Why a whole export request is turned away, for good.
package enum OTLPLogProblem: Error, Hashable, Sendable {
    case malformed(String)
    /// Over a limit; says which and how to mend it.
    case tooLarge(String)
}
