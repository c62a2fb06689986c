package import Ingest
package import Model
import ServiceRuntime
import Synchronization
package import Telemetry
package import Timekeeping

/// Listens for Fluentd's and Fluent Bit's forward protocol, and answers UDP heartbeats on the same port.
package final class ForwardServer: Sendable {
    private struct Running {
        var loop: EventLoop
        var pool: WorkerPool
        var listener: TCPListener
        var heartbeats: UDPResponder?
        var secrets: ForwardSecrets
    }

    /// Heartbeats that are longer are none.
    private static let heartbeatBytesMax = 128

    /// The setting that gives the address, for messages.
    private static let setting = "sources.forward.listen"

    private let settings: ForwardSettings
    private let admission: any LogAdmitting
    private let sources: SourceRegistry
    private let clock: any WallClock
    private let metrics: MetricsRegistry
    private let log: Log
    private let running = Mutex<Running?>(nil)

    /// How often key and certificate files are looked at for a change.
    private static let glance = Duration.seconds(10)

    /// A server that does not listen yet.
    package init(
        settings: ForwardSettings,
        admission: any LogAdmitting,
        sources: SourceRegistry,
        clock: any WallClock,
        metrics: MetricsRegistry,
        log: Log
    ) {
        self.settings = settings
        self.admission = admission
        self.sources = sources
        self.clock = clock
        self.metrics = metrics
        self.log = log
    }

    /// The TCP port, once started; the kernel's choice when the setting said 0.
    package var port: UInt16? { running.withLock { $0?.listener.port } }

    /// Binds, listens and starts its threads; call it once.
    ///
    /// - Throws: `ListenError` when the address cannot be had, `ForwardSecretError` when a key or
    ///   certificate cannot be used; the source then says so too.
    package func start() throws {
        do {
            let started = try makeRunning()
            running.withLock { running in
                precondition(running == nil, "the forward server is started twice")
                running = started
            }
            started.listener.start()
            started.heartbeats?.start()
            sources.declare(ForwardIntake.source, isOn: true)
        } catch {
            sources.declare(ForwardIntake.source, isOn: true)
            sources.failed(ForwardIntake.source, advice: "\(error)")
            throw error
        }
    }

    /// Reads key and certificate files that have changed, which it also does by itself every ten seconds.
    package func refreshSecrets() {
        running.withLock { $0?.secrets }?.refresh()
    }

    /// Accepts no more, finishes and acknowledges what has come whole, then closes.
    package func stop() {
        let stopping = running.withLock { running in
            defer { running = nil }
            return running
        }
        guard let stopping else { return }
        stopping.listener.close()
        stopping.heartbeats?.close()
        stopping.pool.stop()
        stopping.loop.stop()
    }

    private func makeRunning() throws -> Running {
        let secrets = try ForwardSecrets(settings, metrics: metrics, log: log)
        let loop = try EventLoop(name: "forward")
        let intake = ForwardIntake(
            settings: settings,
            admission: admission,
            sources: sources,
            clock: clock,
            metrics: metrics,
            log: log
        )
        let pool = try WorkerPool(
            name: "forward-intake",
            threads: settings.workers,
            queueMax: settings.queueMax
        )
        do {
            let crowd = ForwardCrowd(
                settings: settings,
                loop: loop,
                pool: pool,
                intake: intake,
                secrets: secrets
            )
            let listener = try TCPListener(
                address: settings.listen,
                setting: Self.setting,
                name: "forward",
                loop: loop,
                settings: TCPConnectionSettings(securityTimeMax: settings.handshakeTimeMax),
                log: log,
                metrics: metrics,
                security: secrets.security
            ) { connection in
                Self.accept(connection, crowd)
            }
            try loop.start()
            loop.execute { Self.watch(secrets, loop) }
            return Running(
                loop: loop,
                pool: pool,
                listener: listener,
                heartbeats: makeResponder(listener.address, loop),
                secrets: secrets
            )
        } catch {
            pool.stop()
            throw error
        }
    }

    /// Heartbeats are a courtesy: without them senders of `heartbeat_type udp` think the port dead, others
    /// do not care.
    private func makeResponder(_ address: String, _ loop: EventLoop) -> UDPResponder? {
        let answered = metrics.counter(
            "tocsin_forward_heartbeats",
            help: "UDP heartbeats answered."
        )
        do {
            return try UDPResponder(
                address: address,
                setting: Self.setting,
                loop: loop,
                payloadMax: Self.heartbeatBytesMax,
                reply: [0]
            ) { answered.add() }
        } catch {
            log.warn("no UDP heartbeats on the forward port", ["reason": "\(error)"])
            return nil
        }
    }

    private static func watch(_ secrets: ForwardSecrets, _ loop: EventLoop) {
        loop.schedule(at: MonotonicInstant.now() + glance) {
            secrets.refresh()
            watch(secrets, loop)
        }
    }

    private static func accept(
        _ connection: TCPConnection,
        _ crowd: ForwardCrowd
    ) -> (any ConnectionHandler)? {
        let settings = crowd.settings
        switch crowd.enter(connection.peer) {
        case .all:
            crowd.intake.complain(
                "connection_limit",
                "forward connection from \(connection.remote) was refused: \(settings.connectionsMax) are "
                    + "open; close some or raise sources.forward.max_connections"
            )
            return nil
        case .peer:
            crowd.intake.complain(
                "connection_limit_of_peer",
                "forward connection from \(connection.remote) was refused: "
                    + "\(settings.connectionsPerPeerMax) are open from there; close some or raise "
                    + "sources.forward.max_connections_per_peer"
            )
            return nil
        case nil: break
        }
        let handler = ForwardConnection(crowd, from: connection.peer)
        // The connection is not watched yet; it speaks in the loop's next turn.
        crowd.loop.execute { handler.begin(on: connection) }
        return handler
    }
}
