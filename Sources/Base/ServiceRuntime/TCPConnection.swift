import Glibc

/// One accepted TCP connection: buffered output with back-pressure, half-close, one absolute deadline.
///
/// With a `StreamSecurity` everything that is sent and received goes through it; a handler sees plain bytes
/// either way.
///
/// Every member but `remote`, `peer` and `loop` is for the loop's thread and traps elsewhere; other threads reach
/// it by `loop.execute`. Nothing here calls the handler from within a call the handler makes: what follows
/// from `send`, `resumeReading` or `close` comes in a later turn of the loop.
///
/// Proof for `@unchecked Sendable`: all mutable state is touched only past `loop.preconditionCurrent()` or
/// from the loop's callbacks, so by one thread; `deinit` runs when nobody else holds the object.
@safe
package final class TCPConnection: @unchecked Sendable, ReadinessHandler {
    private enum State {
        case open
        /// What was sent is still to be written; input is thrown away.
        case finishing
        /// All is written and our side shut; input is thrown away until the peer closes too.
        case lingering
        case closed
    }

    /// `recv` calls for one report of readiness, so that one fast peer does not starve the others.
    private static let readsMax = 4

    package let loop: EventLoop
    /// The peer's address and port.
    package let remote: String
    /// The peer's address.
    package let peer: PeerAddress
    private let descriptor: Int32
    private let settings: TCPConnectionSettings
    private let whenClosed: () -> Void

    private var handler: (any ConnectionHandler)?
    private var state = State.open
    private var interest = Readiness.readable
    private var paused = false
    private var inputOver = false
    private var outputFull = false
    /// Set while the handler runs, so that what it sends goes out in one write afterwards.
    private var corked = false
    private var offerDue = false
    private var output = OutputQueue()
    private var leftover: [UInt8] = []
    private var timer: (id: TimerID, at: MonotonicInstant)?
    private let security: (any StreamSecurity)?
    private var securityTimer: TimerID?
    private var securityEnded = false

    /// Takes over the descriptor; `whenClosed` is called once, on the loop's thread.
    init(
        _ descriptor: Int32,
        from address: SocketAddress,
        loop: EventLoop,
        settings: TCPConnectionSettings,
        security: (any StreamSecurity)? = nil,
        whenClosed: @escaping () -> Void
    ) {
        self.descriptor = descriptor
        remote = address.text
        peer = address.peer
        self.security = security
        self.loop = loop
        self.settings = settings
        self.whenClosed = whenClosed
    }

    deinit {
        if state != .closed { Glibc.close(descriptor) }
    }

    /// Begins to read; the handler lives until it has been told `closed`.
    func start(_ handler: any ConnectionHandler) throws(SystemCallError) {
        // What was sent before the start may have failed already.
        guard state != .closed else { return tell(handler, .requested) }
        self.handler = handler
        try loop.watch(descriptor, for: interest, self)
        guard security != nil else { return }
        securityTimer = loop.schedule(at: .now() + settings.securityTimeMax) { [weak self] in
            self?.securityTimePassed()
        }
    }

    /// Whether the encryption's handshake is over; true for a connection without encryption.
    package var isSecured: Bool { security?.isEstablished ?? true }

    // MARK: What a handler asks

    /// When to call `deadlinePassed`; nil for never.
    ///
    /// Moving it later costs next to nothing.
    package var deadline: MonotonicInstant? {
        didSet { armTimer() }
    }

    /// Bytes given to `send` that the kernel has not taken yet.
    package var unsentBytes: Int { output.count }

    /// Over `outputMax` unsent bytes wait: a handler that answers many messages at once should stop
    /// taking input; it is offered again when half is written.
    package var isOutputFull: Bool { outputFull }

    /// Whether `closeWhenSent` or `close` was called, or the connection is lost; `send` does nothing then.
    package var isClosing: Bool { state != .open }

    /// Queues bytes and writes what the kernel takes; what a handler sends within one call goes out together.
    ///
    /// A head and a body go as two arrays, so that neither is copied behind the other for one write.
    package func send(_ bytes: [UInt8], then more: [UInt8] = []) {
        loop.preconditionCurrent()
        guard state == .open else { return }
        if let security {
            seal(bytes, security)
            seal(more, security)
        } else {
            output.append(bytes)
            output.append(more)
        }
        outputFull = outputFull || output.count > settings.outputMax
        guard !corked || outputFull else { return }
        flush()
        rearm()
    }

    /// Stops calling `received` until `resumeReading`; the kernel's buffer then holds the peer back.
    package func pauseReading() {
        loop.preconditionCurrent()
        paused = true
    }

    /// Reads again, and offers again what was left.
    package func resumeReading() {
        loop.preconditionCurrent()
        guard paused else { return }
        paused = false
        offerLater()
        rearm()
    }

    /// Writes what is queued, then half-closes, then waits shortly for the peer to close.
    ///
    /// The handler gets no more input. At `deadline` the connection is closed however much is unsent.
    package func closeWhenSent(by deadline: MonotonicInstant) {
        loop.preconditionCurrent()
        guard state == .open else { return }
        state = .finishing
        leftover = []
        self.deadline = deadline
        guard !corked else { return }
        flush()
        rearm()
    }

    /// Closes now; unsent bytes are lost.
    package func close() {
        loop.preconditionCurrent()
        finish(.requested)
    }

    // MARK: Readiness

    package func ready(_ readiness: Readiness) {
        let readFired = readiness.contains(.readable)
        let broken = !readiness.isDisjoint(with: [.hangUp, .failure])
        corked = true
        if (readFired || broken) && mayRead {
            readInput()
        } else if broken {
            finish(.failed(SystemCallError("recv", code: pendingError())))
        }
        corked = false
        flush()
        rearm(readFired: readFired)
    }

    package func loopStopped() {
        finish(.loopStopped)
    }

    private var mayRead: Bool {
        switch state {
        case .open: !paused && !outputFull && !inputOver
        case .finishing, .lingering: !inputOver
        case .closed: false
        }
    }

    private func readInput() {
        // What was left comes first, also before the news that nothing follows.
        if offerDue {
            offerDue = false
            offerLeftover()
        }
        var reads = 0
        while mayRead, reads < TCPConnection.readsMax {
            reads += 1
            // The loop's buffer is ours until this call returns: connections read one at a time.
            let buffer = unsafe loop.readBuffer
            let count = unsafe recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count > 0 {
                if state == .open { unsafe take(UnsafeBufferPointer(rebasing: buffer[..<count])) }
                if count < buffer.count { return }
            } else if count == 0 {
                return endInput()
            } else if errno != EINTR {
                if errno != EAGAIN { finish(.failed(SystemCallError("recv", code: errno))) }
                return
            }
        }
    }

    private func take(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let security else { return unsafe offer(bytes) }
        do {
            let input = unsafe try security.open(bytes.span)
            output.append(security.takeOutput())
            if security.isEstablished, let timer = securityTimer {
                loop.cancel(timer)
                securityTimer = nil
            }
            if !input.bytes.isEmpty {
                unsafe input.bytes.withUnsafeBufferPointer { unsafe offer($0) }
            }
            if input.isOver && !inputOver && state == .open { endInput() }
        } catch {
            fail(error, security)
        }
    }

    /// Tells the peer, as far as the kernel takes it at once, and closes.
    private func fail(_ error: StreamSecurityError, _ security: any StreamSecurity) {
        output.append(security.takeOutput())
        flush()
        finish(.insecure(error.reason))
    }

    private func seal(_ bytes: [UInt8], _ security: any StreamSecurity) {
        guard state == .open, !bytes.isEmpty else { return }
        do {
            try security.seal(bytes)
            output.append(security.takeOutput())
        } catch {
            fail(error, security)
        }
    }

    private func securityTimePassed() {
        securityTimer = nil
        guard state == .open, let security, !security.isEstablished else { return }
        finish(.insecure("the TLS handshake took longer than \(settings.securityTimeMax)"))
    }

    private func offer(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let handler else { return }
        if leftover.isEmpty {
            let taken = unsafe handler.received(bytes.span, on: self)
            precondition(0...bytes.count ~= taken, "a handler takes what it was offered")
            if taken < bytes.count && state == .open { unsafe keep(Array(bytes[taken...])) }
        } else {
            unsafe leftover.append(contentsOf: bytes)
            offerLeftover()
        }
    }

    private func offerLeftover() {
        guard let handler, !leftover.isEmpty else { return }
        var input: [UInt8] = []
        swap(&input, &leftover)
        let taken = handler.received(input.span, on: self)
        precondition(0...input.count ~= taken, "a handler takes what it was offered")
        input.removeFirst(taken)
        if state == .open { keep(input) }
    }

    private func keep(_ rest: [UInt8]) {
        leftover = rest
        if leftover.count > settings.leftoverMax { finish(.leftoverTooLong) }
    }

    /// In a later turn: the caller may be the handler itself.
    private func offerLater() {
        guard !leftover.isEmpty, !offerDue else { return }
        offerDue = true
        loop.execute {
            guard self.offerDue else { return }
            self.offerDue = false
            guard self.state == .open, self.mayRead else { return }
            self.corked = true
            self.offerLeftover()
            self.corked = false
            self.flush()
            self.rearm()
        }
    }

    private func endInput() {
        inputOver = true
        switch state {
        case .open: handler?.inputEnded(on: self)
        case .finishing, .closed: break
        case .lingering: finish(.requested)
        }
    }

    // MARK: Output

    private func flush() {
        guard state != .closed else { return }
        while output.count > 0 {
            let taken = unsafe output.writeFirst { bytes, more in
                let flags = Int32(MSG_NOSIGNAL) | (more ? Int32(MSG_MORE) : 0)
                let count = unsafe Glibc.send(descriptor, bytes.baseAddress, bytes.count, flags)
                return count < 0 ? -Int(errno) : count
            }
            if taken == -Int(EAGAIN) { break }
            if taken < 0 && taken != -Int(EINTR) {
                finish(.failed(SystemCallError("send", code: Int32(-taken))))
                return
            }
        }
        if outputFull && output.count <= settings.outputMax / 2 {
            outputFull = false
            offerLater()
        }
        if state == .finishing && output.count == 0 { endOutput() }
    }

    private func endOutput() {
        guard let security, !securityEnded else { return linger() }
        securityEnded = true
        security.end()
        output.append(security.takeOutput())
        flush()
    }

    private func linger() {
        guard !inputOver else { return finish(.requested) }
        shutdown(descriptor, Int32(SHUT_WR))
        state = .lingering
        deadline = MonotonicInstant.now() + settings.lingerMax
    }

    /// Reading is dropped from the interest only once it was reported in vain: most pauses end sooner.
    private func rearm(readFired: Bool = false) {
        guard state != .closed else { return }
        if mayRead {
            interest.insert(.readable)
        } else if readFired {
            interest.remove(.readable)
        }
        if output.count > 0 {
            interest.insert(.writable)
        } else {
            interest.remove(.writable)
        }
        loop.change(descriptor, to: interest)
    }

    // MARK: Deadline and end

    /// One timer follows the deadline: when it fires too soon it is set again.
    private func armTimer() {
        loop.preconditionCurrent()
        guard let deadline, state != .closed else { return }
        if let timer {
            if timer.at <= deadline { return }
            loop.cancel(timer.id)
        }
        let id = loop.schedule(at: deadline) { [weak self] in self?.timerFired() }
        timer = (id, deadline)
    }

    private func timerFired() {
        timer = nil
        guard let deadline else { return }
        guard MonotonicInstant.now() >= deadline else { return armTimer() }
        self.deadline = nil
        switch state {
        case .open: handler?.deadlinePassed(on: self)
        case .finishing: finish(.outputStalled)
        case .lingering: finish(.requested)
        case .closed: break
        }
    }

    private func finish(_ reason: CloseReason) {
        guard state != .closed else { return }
        state = .closed
        loop.unwatch(descriptor)
        Glibc.close(descriptor)
        if let timer { loop.cancel(timer.id) }
        timer = nil
        if let securityTimer { loop.cancel(securityTimer) }
        securityTimer = nil
        leftover = []
        output.removeAll()
        let told = handler
        handler = nil
        whenClosed()
        if let told { tell(told, reason) }
    }

    private func tell(_ handler: any ConnectionHandler, _ reason: CloseReason) {
        // A job may only hold what is Sendable; the box never leaves this thread.
        let box = LoopConfined(handler)
        let later = loop.execute { box.value.closed(reason, on: self) }
        if !later { handler.closed(reason, on: self) }
    }

    private func pendingError() -> Int32 {
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        let failed = unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) != 0
        return failed || code == 0 ? ECONNRESET : code
    }
}

/// A value that is made and used on one loop's thread only, on its way through that loop's mailbox.
private struct LoopConfined<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
