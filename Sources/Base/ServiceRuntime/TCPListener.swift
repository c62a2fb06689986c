import CLinux
import Glibc
package import Telemetry

/// Accepts TCP connections on an event loop and gives each to a handler.
///
/// Proof for `@unchecked Sendable`: the mutable state is touched only on the loop's thread; `start` and
/// `close` go there by `execute`, `port` never changes.
@safe
package final class TCPListener: @unchecked Sendable, ReadinessHandler {
    /// Connections accepted for one report of readiness, so that a flood does not starve the open ones.
    private static let acceptsMax = 64

    /// How long accepting rests when the process or the system is out of descriptors or memory.
    private static let backOff = Duration.milliseconds(100)

    /// The port, also when the address asked for port 0.
    package let port: UInt16
    /// The address in full, as `127.0.0.1:9467`.
    package let address: String
    private let name: String
    private let loop: EventLoop
    private let settings: TCPConnectionSettings
    private let log: Log
    private let security: (@Sendable () -> (any StreamSecurity)?)?
    private let accept: @Sendable (TCPConnection) -> (any ConnectionHandler)?
    private let accepted: Counter
    private let open: Gauge
    private let failures: @Sendable (_ cause: String) -> Counter

    private var descriptor: Int32?
    private var connections = 0
    private var resting = false

    /// Binds and listens at once, accepts after `start`.
    ///
    /// `address` is HOST:PORT and `setting` the setting that gave it, for messages. `name` is the `listener` label of
    /// `tocsin_connections`, `tocsin_connections_accepted_total` and `tocsin_accept_failures_total`.
    /// `security` makes the encryption of each connection, none when nil; where it gives none the connection is
    /// closed and counted. `accept` runs on the loop's thread for each connection; nil closes it at once.
    package init(
        address text: String,
        setting: String,
        name: String,
        loop: EventLoop,
        settings: TCPConnectionSettings = TCPConnectionSettings(),
        log: Log,
        metrics: MetricsRegistry,
        security: (@Sendable () -> (any StreamSecurity)?)? = nil,
        accept: @escaping @Sendable (TCPConnection) -> (any ConnectionHandler)?
    ) throws(ListenError) {
        let wanted = try ListenAddress(text, setting: setting)
        let first = try SocketAddress(wanted, text: text, setting: setting)
        let bound: (descriptor: Int32, address: SocketAddress)
        do {
            bound = try TCPListener.bind(first, orAnyIPv4: wanted.host.isEmpty)
        } catch {
            throw ListenError(error, address: text, setting: setting)
        }
        descriptor = bound.descriptor
        port = bound.address.port
        address = bound.address.text
        self.name = name
        self.loop = loop
        self.settings = settings
        self.log = log
        self.security = security
        self.accept = accept
        let labels = [(name: "listener", value: name)]
        accepted = metrics.counter(
            "tocsin_connections_accepted",
            help: "TCP connections accepted.",
            labels: labels
        )
        open = metrics.gauge(
            "tocsin_connections",
            help: "TCP connections that are open.",
            labels: labels
        )
        failures = { cause in
            metrics.counter(
                "tocsin_accept_failures",
                help: "TCP connections that could not be accepted.",
                labels: labels + [(name: "cause", value: cause)]
            )
        }
        // The series exist from the start, so that an alert on their increase sees the first one.
        _ = failures("descriptors")
    }

    deinit {
        if let descriptor { Glibc.close(descriptor) }
    }

    /// All addresses are IPv4's alone where the kernel has no IPv6.
    private static func bind(
        _ first: SocketAddress,
        orAnyIPv4: Bool
    ) throws(SystemCallError) -> (descriptor: Int32, address: SocketAddress) {
        do {
            return try bind(first)
        } catch {
            guard orAnyIPv4, [EAFNOSUPPORT, EADDRNOTAVAIL].contains(error.code) else { throw error }
            return try bind(SocketAddress(anyPort: first.port, family: AF_INET))
        }
    }

    private static func bind(
        _ wanted: SocketAddress
    ) throws(SystemCallError) -> (descriptor: Int32, address: SocketAddress) {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(wanted.family, kind, 0)
        guard descriptor >= 0 else { throw SystemCallError("socket", code: errno) }
        var keep = false
        defer { if !keep { Glibc.close(descriptor) } }
        try set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR")
        if wanted.isAnyIPv6 {
            try set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 0, "IPV6_V6ONLY")
        }
        guard unsafe wanted.withAddress({ unsafe Glibc.bind(descriptor, $0, $1) }) == 0 else {
            throw SystemCallError("bind", code: errno)
        }
        guard listen(descriptor, 1024) == 0 else { throw SystemCallError("listen", code: errno) }
        var address = SocketAddress()
        guard unsafe address.fill({ unsafe getsockname(descriptor, $0, $1) }) == 0 else {
            throw SystemCallError("getsockname", code: errno)
        }
        keep = true
        return (descriptor, address)
    }

    private static func set(
        _ descriptor: Int32,
        _ level: Int32,
        _ option: Int32,
        _ value: Int32,
        _ name: String
    ) throws(SystemCallError) {
        var value = value
        let length = socklen_t(MemoryLayout<Int32>.size)
        guard unsafe setsockopt(descriptor, level, option, &value, length) == 0 else {
            throw SystemCallError("setsockopt \(name)", code: errno)
        }
    }

    /// Begins to accept; from any thread.
    package func start() {
        loop.execute {
            guard let descriptor = self.descriptor else { return }
            do {
                try self.loop.watch(descriptor, for: .readable, self)
            } catch {
                self.log.error(
                    "cannot accept connections",
                    ["address": self.address, "reason": "\(error)"]
                )
            }
        }
    }

    /// Accepts no more and frees the port; open connections stay.
    ///
    /// From any thread; done when the loop gets to it.
    package func close() {
        loop.execute { self.loopStopped() }
    }

    // MARK: The loop's thread

    package func ready(_ readiness: Readiness) {
        var accepts = 0
        while accepts < TCPListener.acceptsMax, let descriptor, !resting {
            accepts += 1
            var peer = SocketAddress()
            let result = unsafe peer.fill { unsafe tocsin_accept_nonblocking(descriptor, $0, $1) }
            if result >= 0 {
                take(result, from: peer)
            } else if -result == EAGAIN {
                return
            } else {
                survive(-result)
            }
        }
    }

    package func loopStopped() {
        guard let descriptor else { return }
        self.descriptor = nil
        loop.unwatch(descriptor)
        Glibc.close(descriptor)
    }

    private func take(_ descriptor: Int32, from peer: SocketAddress) {
        let encryption = security?()
        guard security == nil || encryption != nil else {
            failures("security").add()
            Glibc.close(descriptor)
            return
        }
        accepted.add()
        connections += 1
        open.set(Double(connections))
        let connection = TCPConnection(
            descriptor,
            from: peer,
            loop: loop,
            settings: settings,
            security: encryption
        ) { [self] in
            connections -= 1
            open.set(Double(connections))
        }
        do {
            try TCPListener.set(
                descriptor,
                Int32(IPPROTO_TCP),
                TCP_NODELAY,
                1,
                "TCP_NODELAY"
            )
            // A peer that vanished without a word is found after about two minutes, not never.
            try TCPListener.set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1, "SO_KEEPALIVE")
            let tcp = Int32(IPPROTO_TCP)
            try TCPListener.set(descriptor, tcp, TCP_KEEPIDLE, 60, "TCP_KEEPIDLE")
            try TCPListener.set(descriptor, tcp, TCP_KEEPINTVL, 15, "TCP_KEEPINTVL")
            try TCPListener.set(descriptor, tcp, TCP_KEEPCNT, 4, "TCP_KEEPCNT")
            guard let handler = accept(connection) else { return connection.close() }
            try connection.start(handler)
        } catch {
            log.warn("connection dropped", ["peer": peer.text, "reason": "\(error)"])
            failures("setup").add()
            connection.close()
        }
    }

    private func survive(_ code: Int32) {
        switch code {
        case EINTR: return
        case EMFILE, ENFILE, ENOBUFS, ENOMEM:
            failures("descriptors").add()
            log.warn(
                "accepting rests: out of descriptors or memory; raise the limit (ulimit -n)",
                ["listener": name, "reason": SystemCallError("accept4", code: code).reason]
            )
            rest()
        default:
            // The connection died in the queue, or the network said why it could not be.
            failures("network").add()
            log.debug("accept failed", ["reason": SystemCallError("accept4", code: code).reason])
        }
    }

    private func rest() {
        guard let descriptor else { return }
        resting = true
        loop.change(descriptor, to: [])
        loop.schedule(at: MonotonicInstant.now() + TCPListener.backOff) { [self] in
            resting = false
            if let descriptor = self.descriptor { loop.change(descriptor, to: .readable) }
        }
    }
}
