import ServiceRuntime

/// What the connection waits for, and until when.
///
/// The phases' deadlines are absolute: bytes do not extend them, but for a body, whose deadline moves by the
/// time its bytes are worth at the floor rate. So the slowest honest sender passes and a drip does not.
struct HTTPExchangeClock: Sendable {
    enum Phase: Hashable, Sendable {
        /// Nothing of a request has come.
        case idle
        /// Since a request's first byte.
        case head
        /// Since the end of the head.
        case body
        /// The handler is at work.
        case handling
    }

    /// What a passed deadline means.
    enum Expiry: Hashable, Sendable {
        /// An answer is still on its way and within its time: the deadline has moved.
        case wait
        /// Nothing was under way: close without a word.
        case closeIdle
        /// Answer 408.
        case slowHead
        case slowBody
    }

    private let settings: HTTPServerSettings
    private(set) var phase = Phase.idle
    private var since: MonotonicInstant
    /// When an answer at the floor rate is through.
    private var sentBy: MonotonicInstant
    /// Not after this; nil while a handler works.
    private(set) var deadline: MonotonicInstant?

    /// A connection that has just been accepted: the first request may take no longer than a head.
    init(settings: HTTPServerSettings, at moment: MonotonicInstant) {
        self.settings = settings
        since = moment
        sentBy = moment
        deadline = moment + settings.headTime
    }

    /// The first byte of a request.
    mutating func headBegan(at moment: MonotonicInstant) {
        guard phase == .idle else { return }
        phase = .head
        deadline = moment + settings.headTime
    }

    /// The head is whole and the body is awaited.
    mutating func bodyBegan(at moment: MonotonicInstant) {
        phase = .body
        since = moment
        deadline = moment + settings.transferTime(0)
    }

    /// `total` body bytes have come since `bodyBegan`.
    mutating func bodyGrew(to total: Int) {
        guard phase == .body else { return }
        deadline = since + settings.transferTime(total)
    }

    /// The request is whole.
    mutating func handlingBegan() {
        phase = .handling
        deadline = nil
    }

    /// `bytes` of answers are on their way, and the next request may begin.
    mutating func answered(bytes: Int, at moment: MonotonicInstant) {
        phase = .idle
        sentBy = moment + settings.transferTime(bytes)
        deadline = moment + settings.idleTime
    }

    /// What to do when `deadline` has passed and `unsentBytes` of answers still wait.
    mutating func expire(unsentBytes: Int) -> Expiry {
        switch phase {
        case .idle:
            guard unsentBytes > 0, let passed = deadline, sentBy > passed else { return .closeIdle }
            deadline = sentBy
            return .wait
        case .handling: return .wait
        case .head: return .slowHead
        case .body: return .slowBody
        }
    }
}
