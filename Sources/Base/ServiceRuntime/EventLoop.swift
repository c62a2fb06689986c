import CLinux
import Glibc
import Synchronization

/// Sockets and timers on one thread: an epoll loop that other threads reach through `execute`.
///
/// `init` and `start` may be called anywhere, `execute` and `stop` on any thread. Everything else is for
/// the loop's own thread and traps elsewhere, so state that only its callbacks touch needs no lock.
///
/// Proof for `@unchecked Sendable`: `mailbox` and `thread` are mutexes, `owner` is atomic, the descriptors
/// never change; `watched`, `timers` and the buffers are touched only past `preconditionCurrent()`, by
/// `run()` on the loop's thread, or before `start` and in `deinit`, when no thread runs.
@safe
package final class EventLoop: @unchecked Sendable {
    private struct Mailbox {
        var jobs: [@Sendable () -> Void] = []
        var asleep = false
        var stopping = false
    }

    private struct Watch {
        var handler: any ReadinessHandler
        var interest: Readiness
        var generation: UInt32
    }

    private static let eventsMax = 256

    /// Bytes that one `recv` may take; shared by all connections, since only one of them reads at a time.
    static let readBufferBytes = 256 << 10

    private let name: String
    private let epoll: Int32
    private let wakeUp: Int32
    private let mailbox = Mutex(Mailbox())
    private let thread = Mutex<ServiceThread?>(nil)
    private let owner = Atomic<UInt>(0)

    private var watched: [Int32: Watch] = [:]
    private var generations: UInt32 = 0
    private var timers = TimerQueue()
    private let events: UnsafeMutableBufferPointer<epoll_event>
    let readBuffer: UnsafeMutableBufferPointer<UInt8>

    /// A loop that does not run yet; `name` becomes its thread's.
    package init(name: String) throws(SystemCallError) {
        self.name = name
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw SystemCallError("epoll_create1", code: errno) }
        wakeUp = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard wakeUp >= 0 else {
            let code = errno
            close(epoll)
            throw SystemCallError("eventfd", code: code)
        }
        unsafe events = .allocate(capacity: EventLoop.eventsMax)
        unsafe readBuffer = .allocate(capacity: EventLoop.readBufferBytes)
        var event = unsafe tocsin_epoll_event(EPOLLIN.rawValue, UInt64(UInt32(wakeUp)))
        guard unsafe epoll_ctl(epoll, EPOLL_CTL_ADD, wakeUp, &event) == 0 else {
            throw SystemCallError("epoll_ctl", code: errno)
        }
    }

    deinit {
        close(wakeUp)
        close(epoll)
        unsafe events.deallocate()
        unsafe readBuffer.deallocate()
    }

    // MARK: Any thread

    /// Starts the loop's thread; once only.
    package func start() throws(SystemCallError) {
        let started = try ServiceThread(name: name) { self.run() }
        let earlier = thread.withLock { thread in
            defer { thread = started }
            return thread
        }
        precondition(earlier == nil, "event loop \(name) is started twice")
    }

    /// Runs the jobs given so far, tells every handler that it stops, and returns when the thread has ended.
    ///
    /// A second call, and a call before `start`, does nothing. Never call it on the loop's thread.
    package func stop() {
        precondition(!isCurrent, "event loop \(name) cannot stop itself")
        mailbox.withLock { $0.stopping = true }
        writeWakeUp()
        thread.withLock { $0 }?.join()
    }

    /// Hands a job to the loop's thread, in order; false when the loop has stopped and the job will not run.
    @discardableResult
    package func execute(_ job: @escaping @Sendable () -> Void) -> Bool {
        let (accepted, wake) = mailbox.withLock { mailbox in
            guard !mailbox.stopping else { return (false, false) }
            mailbox.jobs.append(job)
            defer { mailbox.asleep = false }
            return (true, mailbox.asleep)
        }
        if wake { writeWakeUp() }
        return accepted
    }

    /// Whether the caller is on the loop's thread.
    package var isCurrent: Bool { owner.load(ordering: .relaxed) == UInt(pthread_self()) }

    // MARK: The loop's thread

    /// Watches a descriptor until `unwatch`; the handler is kept alive till then.
    package func watch(
        _ descriptor: Int32,
        for interest: Readiness,
        _ handler: any ReadinessHandler
    ) throws(SystemCallError) {
        preconditionCurrent()
        precondition(watched[descriptor] == nil, "descriptor \(descriptor) is watched already")
        generations &+= 1
        var event = unsafe tocsin_epoll_event(interest.rawValue, tag(descriptor, generations))
        guard unsafe epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0 else {
            throw SystemCallError("epoll_ctl", code: errno)
        }
        watched[descriptor] = Watch(handler: handler, interest: interest, generation: generations)
    }

    /// Changes what is reported of a watched descriptor; costs nothing when it is the same.
    package func change(_ descriptor: Int32, to interest: Readiness) {
        preconditionCurrent()
        guard let watch = watched[descriptor], watch.interest != interest else { return }
        watched[descriptor]?.interest = interest
        var event = unsafe tocsin_epoll_event(interest.rawValue, tag(descriptor, watch.generation))
        let code = unsafe epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event)
        precondition(code == 0, "epoll_ctl MOD of a watched descriptor: errno \(errno)")
    }

    /// Forgets a descriptor; the caller closes it.
    package func unwatch(_ descriptor: Int32) {
        preconditionCurrent()
        guard watched.removeValue(forKey: descriptor) != nil else { return }
        var event = unsafe epoll_event()
        let code = unsafe epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, &event)
        precondition(code == 0, "epoll_ctl DEL of a watched descriptor: errno \(errno)")
    }

    /// Calls `action` once, on the loop's thread, at or after the deadline.
    @discardableResult
    package func schedule(
        at deadline: MonotonicInstant,
        _ action: @escaping () -> Void
    ) -> TimerID {
        preconditionCurrent()
        return timers.add(at: deadline, action)
    }

    /// Forgets a timer; true when it had not fired.
    @discardableResult
    package func cancel(_ timer: TimerID) -> Bool {
        preconditionCurrent()
        return timers.cancel(timer)
    }

    /// Traps when called on another thread.
    package func preconditionCurrent() {
        precondition(isCurrent, "call this on the thread of event loop \(name)")
    }

    // MARK: The thread's body

    private func run() {
        owner.store(UInt(pthread_self()), ordering: .relaxed)
        while runJobs() {
            runTimers()
            wait()
        }
        for watch in watched.values { watch.handler.loopStopped() }
        watched = [:]
        timers = TimerQueue()
        owner.store(0, ordering: .relaxed)
    }

    /// Runs what the mailbox holds; false when it is the last time.
    private func runJobs() -> Bool {
        let (jobs, stopping) = mailbox.withLock { mailbox in
            defer { mailbox.jobs = [] }
            mailbox.asleep = false
            return (mailbox.jobs, mailbox.stopping)
        }
        for job in jobs { job() }
        return !stopping
    }

    private func runTimers() {
        guard timers.count > 0 else { return }
        let moment = MonotonicInstant.now()
        while let action = timers.takeDue(at: moment) { action() }
    }

    private func wait() {
        let idle = mailbox.withLock { mailbox in
            mailbox.asleep = mailbox.jobs.isEmpty && !mailbox.stopping
            return mailbox.asleep
        }
        let timeout = idle ? millisecondsToNextTimer() : 0
        let count = unsafe epoll_wait(
            epoll,
            events.baseAddress,
            Int32(EventLoop.eventsMax),
            timeout
        )
        guard count > 0 else {
            precondition(count == 0 || errno == EINTR, "epoll_wait: errno \(errno)")
            return
        }
        for index in 0..<Int(count) {
            // The kernel has written the first `count` events.
            var event = unsafe events[index]
            let tag = unsafe tocsin_epoll_tag(&event)
            dispatch(tag, Readiness(rawValue: unsafe event.events))
        }
    }

    private func dispatch(_ tag: UInt64, _ readiness: Readiness) {
        let descriptor = Int32(truncatingIfNeeded: tag)
        guard descriptor != wakeUp else {
            var count: UInt64 = 0
            _ = unsafe read(wakeUp, &count, 8)
            return
        }
        // The generation tells a descriptor from an earlier one of the same number, closed in this round.
        guard let watch = watched[descriptor], watch.generation == UInt32(tag >> 32) else { return }
        watch.handler.ready(readiness)
    }

    /// Rounded up, so that a timer is due when the wait ends.
    private func millisecondsToNextTimer() -> Int32 {
        guard let deadline = timers.nextDeadline() else { return -1 }
        let now = MonotonicInstant.now()
        guard deadline > now else { return 0 }
        return Int32(clamping: (deadline.nanoseconds - now.nanoseconds + 999_999) / 1_000_000)
    }

    private func tag(_ descriptor: Int32, _ generation: UInt32) -> UInt64 {
        UInt64(generation) << 32 | UInt64(UInt32(descriptor))
    }

    private func writeWakeUp() {
        var one: UInt64 = 1
        // A full counter means that a wake-up is due already.
        _ = unsafe write(wakeUp, &one, 8)
    }
}
