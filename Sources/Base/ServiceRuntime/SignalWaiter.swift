import CLinux
import Glibc

/// A signal that steers the service.
package enum ServiceSignal: Hashable, Sendable {
    /// SIGTERM: drain and stop.
    case terminate
    /// SIGINT, Ctrl-C: drain and stop.
    case interrupt
    /// SIGHUP: read the configuration again.
    case reload
}

/// Takes SIGTERM, SIGINT and SIGHUP as values instead of interruptions, and has SIGPIPE ignored.
///
/// Make it first thing in `main`, before any thread starts: threads inherit the blocked signals, and a
/// thread that does not block them would be ended by them.
package struct SignalWaiter: ~Copyable {
    private let descriptor: Int32

    /// Blocks the signals in the calling thread and its descendants.
    package init() throws(SystemCallError) {
        descriptor = try SignalWaiter.openDescriptor()
    }

    private static func openDescriptor() throws(SystemCallError) -> Int32 {
        signal(SIGPIPE, SIG_IGN)
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for number in [SIGTERM, SIGINT, SIGHUP] { unsafe sigaddset(&set, number) }
        let code = unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        guard code == 0 else { throw SystemCallError("pthread_sigmask", code: code) }
        let descriptor = unsafe signalfd(-1, &set, Int32(SFD_CLOEXEC | SFD_NONBLOCK))
        guard descriptor >= 0 else { throw SystemCallError("signalfd", code: errno) }
        return descriptor
    }

    deinit {
        close(descriptor)
    }

    /// Blocks the calling thread until a signal comes; nil when `limit` passes first.
    package func wait(atMost limit: Duration? = nil) throws(SystemCallError) -> ServiceSignal? {
        let end = limit.map { MonotonicInstant.now() + $0 }
        while true {
            if let signal = try pending() { return signal }
            var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            var timeout: Int32 = -1
            if let end {
                let left = (end - MonotonicInstant.now()).wholeNanoseconds
                guard left > 0 else { return nil }
                timeout = Int32(clamping: (left + 999_999) / 1_000_000)
            }
            guard unsafe Glibc.poll(&poll, 1, timeout) >= 0 || errno == EINTR else {
                throw SystemCallError("poll", code: errno)
            }
        }
    }

    private func pending() throws(SystemCallError) -> ServiceSignal? {
        var info = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        guard unsafe read(descriptor, &info, size) == size else {
            guard errno == EAGAIN || errno == EINTR else {
                throw SystemCallError("read of signalfd", code: errno)
            }
            return nil
        }
        return switch Int32(info.ssi_signo) {
        case SIGTERM: .terminate
        case SIGINT: .interrupt
        default: .reload
        }
    }
}
