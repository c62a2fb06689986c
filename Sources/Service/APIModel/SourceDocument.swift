/// What one source is doing, as the API gives it.
package struct SourceDocument: Codable, Hashable, Sendable {
    package var name: String
    package var on: Bool
    /// Why it is off and how to turn it on, or the last error and its remedy; empty when all is well.
    package var advice: String
    /// What a person should know although nothing is wrong; empty mostly.
    package var notice: String
    @Null package var lastSuccess: String?
    /// The newest event time seen.
    @Null package var watermark: String?
    /// Seconds since the watermark; null before any data.
    @Null package var lagSeconds: Double?
    package var accepted: Int
    package var refused: [String: Int]
    /// `off`, `waiting`, `ok`, `refusing` or `failing`.
    package var state: String
    /// Samples or records let in a second, over the last minute; null before any.
    @Null package var perSecond: Double?
    /// Batches turned away for now.
    package var overloads: Int
    /// The last error, also when it is over; empty when there was none.
    package var lastError: String
    @Null package var lastErrorAt: String?

    package init(
        name: String,
        on: Bool,
        state: String,
        advice: String,
        notice: String = "",
        lastSuccess: String?,
        watermark: String?,
        lagSeconds: Double?,
        accepted: Int,
        refused: [String: Int],
        perSecond: Double?,
        overloads: Int,
        lastError: String,
        lastErrorAt: String?
    ) {
        self.name = name
        self.on = on
        self.state = state
        self.advice = advice
        self.notice = notice
        self.lastSuccess = lastSuccess
        self.watermark = watermark
        self.lagSeconds = lagSeconds
        self.accepted = accepted
        self.refused = refused
        self.perSecond = perSecond
        self.overloads = overloads
        self.lastError = lastError
        self.lastErrorAt = lastErrorAt
    }
}

/// `GET /v1/sources`.
package struct SourceListDocument: Codable, Hashable, Sendable {
    package var sources: [SourceDocument]

    package init(sources: [SourceDocument]) { self.sources = sources }
}
