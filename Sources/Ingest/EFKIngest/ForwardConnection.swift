import Cryptography
import ServiceRuntime
import WireFormats

/// One connection of the forward protocol: cuts messages, hands them to a worker, sends what is acknowledged.
///
/// While messages are on their way in, nothing more is read, so a full store holds the sender back through
/// TCP; an acknowledgement goes out only when the records are in.
///
/// Proof for `@unchecked Sendable`: every member runs on the loop's thread; workers only carry a reference back
/// to it through `loop.execute`.
final class ForwardConnection: ConnectionHandler, @unchecked Sendable {
    /// Bytes of small messages that go to a worker at once.
    private static let batchBytes = 1 << 20

    /// Bytes before the handshake is over.
    private static let handshakeBytesMax = 4096

    /// When a worker is asked again that had no room.
    private static let poolRetry = Duration.milliseconds(20)

    /// How long the last acknowledgements may take to leave after the peer has shut its side.
    private static let closingTime = Duration.seconds(10)

    private let crowd: ForwardCrowd
    private let peer: PeerAddress
    private var framer: ForwardFramer
    private var handshake: ForwardHandshake?
    private var patience: ForwardPatience
    private var isBusy = false
    private var inputIsOver = false
    /// Something was taken; without keep-alive the connection ends when nothing more has come.
    private var hasTaken = false
    /// Bytes of this connection in `crowd.heldBytes`.
    private var accounted = 0
    private var inFlight = 0

    /// A connection that `crowd` has counted in; `peer` is counted out at its end.
    init(_ crowd: ForwardCrowd, from peer: PeerAddress) {
        self.crowd = crowd
        self.peer = peer
        let settings = crowd.settings
        framer = ForwardFramer(
            messageMax: settings.messageMax,
            jsonMessageMax: settings.jsonMessageMax
        )
        let asksForKey = crowd.secrets.asksForKey
        if asksForKey {
            handshake = ForwardHandshake(
                demand: crowd.secrets.demand(of: peer),
                hostName: settings.hostName,
                nonce: RandomBytes.secure(16),
                authSalt: RandomBytes.secure(16),
                keepsAlive: settings.keepsAlive
            )
        }
        patience = ForwardPatience(settings, withHandshake: asksForKey, at: .now())
    }

    /// Speaks first when there is a handshake; call it once, in a turn of its own.
    func begin(on connection: TCPConnection) {
        guard !connection.isClosing else { return }
        connection.deadline = patience.deadline
        if let handshake { connection.send(handshake.helo) }
    }

    // MARK: ConnectionHandler

    func received(_ bytes: Span<UInt8>, on connection: TCPConnection) -> Int {
        framer.append(bytes)
        pump(connection)
        if crowd.heldBytes > crowd.settings.bufferedMax, !connection.isClosing, !isBusy {
            drop(
                connection,
                "buffers_full",
                "closed: all connections together hold more than \(crowd.settings.bufferedMax) bytes; "
                    + "its sender will come again, or raise sources.forward.max_buffered"
            )
        }
        return bytes.count
    }

    func inputEnded(on connection: TCPConnection) {
        inputIsOver = true
        pump(connection)
    }

    func deadlinePassed(on connection: TCPConnection) {
        let took = patience.limit.map { "\($0)" } ?? ""
        switch patience.phase {
        case .handshake:
            drop(
                connection,
                "handshake_time",
                "closed: the handshake took longer than \(took) (sources.forward.handshake_timeout); "
                    + "give the sender the shared key"
            )
        case .message:
            drop(
                connection,
                "message_time",
                "closed: a message took longer than \(took) (sources.forward.message_timeout) from its first "
                    + "byte to its last"
            )
        case .idle where !crowd.settings.keepsAlive && hasTaken:
            connection.closeWhenSent(by: MonotonicInstant.now() + Self.closingTime)
        case .idle:
            crowd.intake.closedIdle()
            connection.closeWhenSent(by: MonotonicInstant.now() + Self.closingTime)
        case .working: break
        }
    }

    func closed(_ reason: CloseReason, on connection: TCPConnection) {
        crowd.leave(peer)
        framer = ForwardFramer(messageMax: 1, jsonMessageMax: 1)
        account()
        if case .insecure(let words) = reason {
            complain(connection, "tls", "was refused: \(words)")
        }
    }

    // MARK: Messages

    /// Moves what is whole to a worker and settles what the rest means.
    private func pump(_ connection: TCPConnection) {
        defer { account() }
        guard !isBusy, !connection.isClosing else { return }
        tellOversized(connection)
        if handshake != nil, framer.heldBytes > Self.handshakeBytesMax {
            drop(
                connection,
                "handshake",
                "closed: more than \(Self.handshakeBytesMax) bytes before the handshake; give the sender the "
                    + "shared key"
            )
            return
        }
        while handshake != nil, let frames = framer.takeFrames(bytesMax: 0) {
            shakeHands(frames, connection)
            guard !connection.isClosing else { return }
        }
        if handshake == nil, let frames = framer.takeFrames(bytesMax: Self.batchBytes) {
            hand(frames, connection)
            return
        }
        if let failure = framer.failure {
            drop(
                connection,
                "malformed",
                "cannot be read on: \(failure) of a message; is something else, or TLS, sent to this port?"
            )
            return
        }
        guard !inputIsOver else {
            if framer.isInsideMessage {
                complain(connection, "truncated", "ended in the middle of a message")
            }
            connection.closeWhenSent(by: MonotonicInstant.now() + Self.closingTime)
            return
        }
        if handshake == nil { pass(to: framer.isInsideMessage ? .message : .idle, connection) }
    }

    private func tellOversized(_ connection: TCPConnection) {
        for one in framer.takeOversized() {
            crowd.intake.complain(
                "message_too_large",
                "forward message of \(one.tag) from \(connection.remote) is longer than \(one.limit) bytes "
                    + "and was dropped; lower the sender's chunk_limit_size or raise "
                    + "sources.forward.max_message"
            )
        }
    }

    private func shakeHands(_ frames: ForwardFrames, _ connection: TCPConnection) {
        guard let handshake, frames.encoding == .messagePack, let range = frames.ranges.first else {
            drop(
                connection,
                "handshake",
                "did not begin with PING; give the sender the shared key"
            )
            return
        }
        switch handshake.judge(frames.bytes.span, range) {
        case .accepted(let reply):
            self.handshake = nil
            pass(to: .idle, connection)
            connection.send(reply)
        case .refused(let reply, let refusal):
            complain(
                connection,
                refusal.rawValue,
                "was refused: \(refusal.reason); \(refusal.remedy)"
            )
            connection.send(reply)
            connection.closeWhenSent(by: MonotonicInstant.now() + Self.closingTime)
        }
    }

    /// Gives frames to a worker; nothing is read until it is done with them.
    private func hand(_ frames: ForwardFrames, _ connection: TCPConnection) {
        isBusy = true
        inFlight = frames.bytes.count
        pass(to: .working, connection)
        connection.pauseReading()
        submit(connection) { $0.take(frames, from: connection.remote) }
    }

    private func submit(
        _ connection: TCPConnection,
        _ work: @escaping @Sendable (ForwardIntake) -> ForwardIntake.Result
    ) {
        let crowd = self.crowd
        let accepted = crowd.pool.submit {
            let result = work(crowd.intake)
            let told = crowd.loop.execute { self.finished(result, connection) }
            if !told, case .overloaded(let work, _) = result { crowd.intake.abandon(work) }
        }
        guard !accepted else { return }
        crowd.loop.schedule(at: MonotonicInstant.now() + Self.poolRetry) {
            self.submit(connection, work)
        }
    }

    private func finished(_ result: ForwardIntake.Result, _ connection: TCPConnection) {
        switch result {
        case .overloaded(let work, let retryAfter):
            // Also when the peer has gone: its chunk may come again and is then known.
            crowd.loop.schedule(at: MonotonicInstant.now() + retryAfter) {
                self.submit(connection) { $0.take(work) }
            }
        case .taken(let acks):
            isBusy = false
            inFlight = 0
            hasTaken = true
            if !acks.isEmpty, !connection.isClosing { connection.send(acks) }
            pump(connection)
            if !isBusy, !connection.isClosing { connection.resumeReading() }
        }
    }

    // MARK: Limits

    /// Notes what the connection is at, and since when.
    private func pass(to phase: ForwardPatience.Phase, _ connection: TCPConnection) {
        patience.enter(phase, at: .now())
        var deadline = patience.deadline
        if phase == .idle, hasTaken, !crowd.settings.keepsAlive {
            deadline = MonotonicInstant.now() + ForwardSettings.lastWordTime
        }
        if connection.deadline != deadline { connection.deadline = deadline }
    }

    private func drop(_ connection: TCPConnection, _ cause: String, _ what: String) {
        complain(connection, cause, what)
        connection.close()
    }

    private func complain(_ connection: TCPConnection, _ cause: String, _ what: String) {
        crowd.intake.complain(cause, "forward connection from \(connection.remote) \(what)")
    }

    private func account() {
        let now = framer.heldBytes + inFlight
        crowd.heldBytes += now - accounted
        accounted = now
    }
}
