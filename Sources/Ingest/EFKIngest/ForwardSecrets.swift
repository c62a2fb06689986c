import Buffers
import Cryptography
import ServiceRuntime
import Synchronization
import Telemetry

/// The keys, passwords and certificate in use, renewed when their files change.
final class ForwardSecrets: Sendable {
    private struct Keys {
        var access: ForwardAccess
        var stamps: [FileStamp?]
    }

    private let files: ForwardAccessFiles?
    private let keys: Mutex<Keys?>
    private let tls: TLSServer?
    private let log: Log
    private let reloads: @Sendable (_ what: String, _ outcome: String) -> Counter
    private let expires: Gauge?

    /// Reads everything.
    ///
    /// - Throws: Which file cannot be used, and why.
    init(
        _ settings: ForwardSettings,
        metrics: MetricsRegistry,
        log: Log
    ) throws(ForwardSecretError) {
        files = settings.access
        keys = Mutex(
            try settings.access.map { files throws(ForwardSecretError) in
                let stamps = ForwardSecrets.stamps(files)
                return Keys(access: try ForwardAccess(reading: files), stamps: stamps)
            }
        )
        do {
            tls = try settings.tls.map { files throws(TLSFilesError) in try TLSServer(files) }
        } catch {
            throw ForwardSecretError(description: "sources.forward.tls: \(error)")
        }
        self.log = log
        reloads = { what, outcome in
            metrics.counter(
                "tocsin_forward_secret_reloads",
                help: "Changed key and certificate files that were read again.",
                labels: [(name: "what", value: what), (name: "outcome", value: outcome)]
            )
        }
        expires = tls.map { tls in
            let gauge = metrics.gauge(
                "tocsin_tls_certificate_expiry_timestamp_seconds",
                help: "When the certificate of a listener ends.",
                labels: [(name: "listener", value: "forward")]
            )
            gauge.set(Double(tls.expiresAt))
            return gauge
        }
    }

    private static func stamps(_ files: ForwardAccessFiles) -> [FileStamp?] {
        files.paths.map { FileStamp(path: $0) }
    }

    /// Whether there is a handshake.
    var asksForKey: Bool { files != nil }

    /// Makes the TLS of each connection; nil without TLS.
    var security: (@Sendable () -> (any StreamSecurity)?)? {
        guard let tls else { return nil }
        return { tls.makeStream() }
    }

    /// What a sender from there must know; nil when it may not come at all.
    func demand(of peer: PeerAddress) -> ForwardAccess.Demand? {
        keys.withLock { $0?.access.demand(of: peer) }
    }

    /// Reads what has changed; new connections use it, open ones go on as they are.
    func refresh() {
        refreshKeys()
        guard let tls else { return }
        switch tls.refresh() {
        case .unchanged: break
        case .renewed:
            expires?.set(Double(tls.expiresAt))
            reloads("certificate", "renewed").add()
            log.info("the certificate of the forward port was renewed")
        case .failed(let error):
            reloads("certificate", "failed").add()
            log.error("sources.forward.tls: \(error); the certificate of before stays in use")
        }
    }

    private func refreshKeys() {
        guard let files else { return }
        let stamps = ForwardSecrets.stamps(files)
        guard let held = keys.withLock({ $0?.stamps }), held != stamps else { return }
        do {
            let access = try ForwardAccess(reading: files)
            keys.withLock { $0 = Keys(access: access, stamps: stamps) }
            reloads("keys", "renewed").add()
            log.info("the keys and passwords of the forward port were read again")
        } catch {
            // Said once for each change.
            keys.withLock { $0?.stamps = stamps }
            reloads("keys", "failed").add()
            log.error("\(error); the keys and passwords of before stay in use")
        }
    }
}
