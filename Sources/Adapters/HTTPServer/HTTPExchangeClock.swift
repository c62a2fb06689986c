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
        /// Nothing was under way: close without a word.
        case closeIdle
        /// Answer 408.
        case slowHead
        case slowBody
    }

    private let settings: HTTPServerSettings
    private(set) var phase = Phase.idle
    private var since: MonotonicInstant
    /// Not after this; nil while a handler works.
    private(set) var deadline: MonotonicInstant?

    /// A connection that has just been accepted: the first request may take no longer than a head.
    init(settings: HTTPServerSettings, at moment: MonotonicInstant) {
        self.settings = settings
        since = moment
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

    /// `bytes` of answers are on their way; the next request may begin when they are through.
    mutating func answered(bytes: Int, at moment: MonotonicInstant) {
        phase = .idle
        let transfer = bytes > 0 ? settings.transferTime(bytes) : .zero
        deadline = moment + transfer + settings.idleTime
    }

    /// What to do when `deadline` has passed.
    var expiry: Expiry {
        switch phase {
        case .idle, .handling: .closeIdle
        case .head: .slowHead
        case .body: .slowBody
        }
    }
}
