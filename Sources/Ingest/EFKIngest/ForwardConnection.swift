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
    private var framer: ForwardFramer
    private var handshake: ForwardHandshake?
    private var isBusy = false
    private var inputIsOver = false
    /// Bytes of this connection in `crowd.heldBytes`.
    private var accounted = 0
    private var inFlight = 0

    init(_ crowd: ForwardCrowd) {
        self.crowd = crowd
        let settings = crowd.settings
        framer = ForwardFramer(
            messageMax: settings.messageMax,
            jsonMessageMax: settings.jsonMessageMax
        )
        if let key = settings.sharedKey {
            handshake = ForwardHandshake(
                key: key,
                hostName: settings.hostName,
                nonce: RandomBytes.secure(16)
            )
        }
        crowd.connections += 1
    }

    /// Speaks first when there is a handshake; call it once, in a turn of its own.
    func begin(on connection: TCPConnection) {
        guard let handshake, !connection.isClosing else { return }
        connection.deadline = MonotonicInstant.now() + crowd.settings.messageTimeMax
        connection.send(handshake.helo)
    }

    // MARK: ConnectionHandler

    func received(_ bytes: Span<UInt8>, on connection: TCPConnection) -> Int {
        framer.append(bytes)
        pump(connection)
        if crowd.heldBytes > crowd.settings.bufferedMax, !connection.isClosing, !isBusy {
            crowd.intake.complain(
                "buffers_full",
                "forward connection from \(connection.remote) closed: all connections together hold more "
                    + "than \(crowd.settings.bufferedMax) bytes; its sender will come again, or raise "
                    + "sources.forward.max_buffered"
            )
            connection.close()
        }
        return bytes.count
    }

    func inputEnded(on connection: TCPConnection) {
        inputIsOver = true
        pump(connection)
    }

    func deadlinePassed(on connection: TCPConnection) {
        crowd.intake.complain(
            handshake == nil ? "message_time" : "handshake",
            "forward connection from \(connection.remote) closed: "
                + (handshake == nil ? "a message" : "the handshake") + " took longer than "
                + "\(crowd.settings.messageTimeMax)"
        )
        connection.close()
    }

    func closed(_ reason: CloseReason, on connection: TCPConnection) {
        crowd.connections -= 1
        framer = ForwardFramer(messageMax: 1, jsonMessageMax: 1)
        account()
    }

    // MARK: Messages

    /// Moves what is whole to a worker and settles what the rest means.
    private func pump(_ connection: TCPConnection) {
        defer { account() }
        guard !isBusy, !connection.isClosing else { return }
        for one in framer.takeOversized() {
            crowd.intake.complain(
                "message_too_large",
                "forward message of \(one.tag) from \(connection.remote) is longer than \(one.limit) bytes "
                    + "and was dropped; lower the sender's chunk_limit_size or raise "
                    + "sources.forward.max_message"
            )
        }
        if handshake != nil, framer.heldBytes > Self.handshakeBytesMax {
            crowd.intake.complain(
                "handshake",
                "forward connection from \(connection.remote) closed: more than "
                    + "\(Self.handshakeBytesMax) bytes before the handshake; give the sender the shared key"
            )
            connection.close()
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
            crowd.intake.complain(
                "malformed",
                "forward stream from \(connection.remote) cannot be read on: \(failure) of a message; "
                    + "is something else sent to this port?"
            )
            connection.close()
            return
        }
        guard !inputIsOver else {
            if framer.isInsideMessage {
                crowd.intake.complain(
                    "truncated",
                    "forward connection from \(connection.remote) ended in the middle of a message"
                )
            }
            connection.closeWhenSent(by: MonotonicInstant.now() + Self.closingTime)
            return
        }
        watchTime(connection)
    }

    private func shakeHands(_ frames: ForwardFrames, _ connection: TCPConnection) {
        guard let handshake, frames.encoding == .messagePack, let range = frames.ranges.first else {
            crowd.intake.complain(
                "handshake",
                "forward connection from \(connection.remote) did not begin with PING; give the sender the "
                    + "shared key"
            )
            connection.close()
            return
        }
        switch handshake.judge(frames.bytes.span, range) {
        case .accepted(let reply):
            self.handshake = nil
            connection.deadline = nil
            connection.send(reply)
        case .refused(let reply, let reason):
            crowd.intake.complain(
                "handshake",
                "forward connection from \(connection.remote) was refused: \(reason); compare the sender's "
                    + "shared_key with sources.forward.shared_key_file"
            )
            connection.send(reply)
            connection.closeWhenSent(by: MonotonicInstant.now() + Self.closingTime)
        }
    }

    /// Gives frames to a worker; nothing is read until it is done with them.
    private func hand(_ frames: ForwardFrames, _ connection: TCPConnection) {
        isBusy = true
        inFlight = frames.bytes.count
        connection.deadline = nil
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
            if !acks.isEmpty, !connection.isClosing { connection.send(acks) }
            pump(connection)
            if !isBusy, !connection.isClosing { connection.resumeReading() }
        }
    }

    // MARK: Limits

    /// A message must end within its time from its first byte, however steadily bytes drip in.
    private func watchTime(_ connection: TCPConnection) {
        guard handshake == nil else { return }
        if !framer.isInsideMessage {
            connection.deadline = nil
        } else if connection.deadline == nil {
            connection.deadline = MonotonicInstant.now() + crowd.settings.messageTimeMax
        }
    }

    private func account() {
        let now = framer.heldBytes + inFlight
        crowd.heldBytes += now - accounted
        accounted = now
    }
}
