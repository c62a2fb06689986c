import ServiceRuntime

/// How long one connection may take for what it is at; bytes that drip in extend nothing.
///
/// It reads no clock: the owner says when something happened, and acts when `deadline` is past.
struct ForwardPatience: Sendable {
    /// What a connection is at.
    enum Phase: Hashable, Sendable {
        /// The sender has to prove that it knows the key.
        case handshake
        /// Between messages.
        case idle
        /// A message has begun and not ended.
        case message
        /// What came is on its way in; the sender waits for us.
        case working
    }

    private let handshakeMax: Duration
    private let messageMax: Duration
    private let idleMax: Duration?

    private(set) var phase: Phase
    /// When the phase has taken too long; nil: never.
    private(set) var deadline: MonotonicInstant?

    init(_ settings: ForwardSettings, withHandshake: Bool, at now: MonotonicInstant) {
        handshakeMax = settings.handshakeTimeMax
        messageMax = settings.messageTimeMax
        idleMax = settings.idleTimeMax
        phase = withHandshake ? .handshake : .idle
        deadline = limit.map { now + $0 }
    }

    /// What the phase may take; nil: as long as it likes.
    var limit: Duration? {
        switch phase {
        case .handshake: handshakeMax
        case .message: messageMax
        case .idle: idleMax
        case .working: nil
        }
    }

    /// Something else has begun; the same phase goes on with the deadline it has.
    mutating func enter(_ next: Phase, at now: MonotonicInstant) {
        guard next != phase else { return }
        phase = next
        deadline = limit.map { now + $0 }
    }
}
