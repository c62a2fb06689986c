import Ingest
import Model
import Synchronization
import Telemetry
import Timekeeping

/// What happens to messages off the event loop: decoding, de-duplication, admission, counting.
final class ForwardIntake: Sendable {
    /// Messages that are decoded and not yet let in.
    struct Work: Sendable {
        var records: [LogRecord] = []
        /// Acknowledgements to send once the records are in, in order.
        var acks: [UInt8] = []
        var ackCount = 0
        var identities: [ChunkIdentity] = []
    }

    enum Result: Sendable {
        case taken(acks: [UInt8])
        /// Nothing is in; try the same work again after a while.
        case overloaded(Work, retryAfter: Duration)
    }

    /// The source's name at the door.
    static let source = "forward"

    /// The same complaint is logged this often at most; the counters have them all.
    private static let warningSpacing = Duration.seconds(60)

    private let decoder: ForwardDecoder
    private let admission: any LogAdmitting
    private let sources: SourceRegistry
    private let clock: any WallClock
    private let log: Log
    private let chunks: ChunkKeeper
    private let warned = Mutex<[String: Timestamp]>([:])
    private let messages: Counter
    private let acknowledged: Counter
    private let repeated: Counter
    private let idleClosed: Counter

    init(
        settings: ForwardSettings,
        admission: any LogAdmitting,
        sources: SourceRegistry,
        clock: any WallClock,
        metrics: MetricsRegistry,
        log: Log
    ) {
        decoder = ForwardDecoder(settings: settings)
        self.admission = admission
        self.sources = sources
        self.clock = clock
        self.log = log
        chunks = ChunkKeeper(settings: settings, metrics: metrics, log: log)
        messages = metrics.counter(
            "tocsin_forward_messages",
            help: "Forward protocol messages decoded."
        )
        acknowledged = metrics.counter(
            "tocsin_forward_acks",
            help: "Forward protocol chunks acknowledged."
        )
        repeated = metrics.counter(
            "tocsin_forward_repeated_chunks",
            help: "Chunks that were in already when they were sent again."
        )
        idleClosed = metrics.counter(
            "tocsin_forward_idle_closed",
            help: "Connections closed for saying nothing longer than idle_timeout."
        )
    }

    /// Decodes frames and lets their records in.
    func take(_ frames: ForwardFrames, from remote: String) -> Result {
        var work = Work()
        for outcome in decoder.decode(frames, arrival: clock.now()) {
            switch outcome {
            case .ignored: break
            case .message(let message): add(message, to: &work, remote)
            case .invalid(let cause, let reason, let ack):
                complain(cause, "forward message from \(remote): \(reason)")
                acknowledge(ack, in: &work)
            case .refused(let cause, let reason):
                complain(cause, "forward message from \(remote): \(reason)")
            }
        }
        return take(work)
    }

    /// Lets decoded records in; also for another try after `overloaded`.
    func take(_ work: Work) -> Result {
        if !work.records.isEmpty {
            switch admission.admit(work.records, from: Self.source) {
            case .admitted: break
            case .overloaded(let retryAfter, let reason):
                warn("overloaded", "forward input waits: \(reason)")
                return .overloaded(work, retryAfter: retryAfter)
            }
        }
        chunks.finish(work.identities)
        acknowledged.add(work.ackCount)
        return .taken(acks: work.acks)
    }

    /// Gives up work that will not be let in, so that its chunks may come again.
    func abandon(_ work: Work) {
        chunks.abandon(work.identities)
    }

    /// Counts and at times logs something that could not be used.
    func complain(_ cause: String, count: Int = 1, _ message: String) {
        sources.refused(Self.source, cause: cause, count: count, message)
        warn(cause, message)
    }

    /// Counts a connection that said nothing for too long.
    func closedIdle() { idleClosed.add() }

    private func add(_ message: ForwardMessage, to work: inout Work, _ remote: String) {
        messages.add()
        if let identity = message.identity {
            switch chunks.begin(identity) {
            case .fresh: work.identities.append(identity)
            case .taken:
                repeated.add()
                acknowledge(message.ack, in: &work)
                return
            case .pending:
                repeated.add()
                // Twice in one go: both are in when the first is.
                if work.identities.contains(identity) { acknowledge(message.ack, in: &work) }
                return
            }
        }
        if message.invalidEntries > 0 {
            complain(
                "invalid_entry",
                count: message.invalidEntries,
                "forward message from \(remote): \(message.firstInvalid ?? "invalid entries")"
            )
        }
        work.records += message.records
        acknowledge(message.ack, in: &work)
    }

    private func acknowledge(_ ack: [UInt8]?, in work: inout Work) {
        guard let ack else { return }
        work.acks += ack
        work.ackCount += 1
    }

    private func warn(_ cause: String, _ message: String) {
        let now = clock.now()
        let isDue = warned.withLock { warned in
            if let last = warned[cause], now - last < Self.warningSpacing { return false }
            warned[cause] = now
            return true
        }
        if isDue { log.warn(message) }
    }
}
