import Model
import Synchronization
import Telemetry
import Timekeeping

/// Hands transitions on to the receiver, in order, until it has taken them.
actor TransitionCourier {
    private nonisolated let backlog: Mutex<TransitionBacklog>
    private nonisolated let signal: AsyncStream<Void>
    private nonisolated let signaller: AsyncStream<Void>.Continuation
    private let sink: any AlertTransitionSink
    private nonisolated let writer: AlertStateWriter
    private let settings: RuleEngineSettings
    private let sleeper: any Sleeper
    private nonisolated let log: Log
    private nonisolated let metrics: RuleEngineMetrics
    private var isHandingOn = false

    init(
        _ sink: any AlertTransitionSink,
        _ writer: AlertStateWriter,
        settings: RuleEngineSettings,
        sleeper: any Sleeper,
        log: Log,
        metrics: RuleEngineMetrics
    ) {
        self.sink = sink
        self.writer = writer
        self.settings = settings
        self.sleeper = sleeper
        self.log = log
        self.metrics = metrics
        backlog = Mutex(TransitionBacklog(capacity: settings.transitionQueueMax))
        (signal, signaller) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Queues transitions that are on disk.
    nonisolated func enqueue(_ transitions: [AlertTransition]) {
        guard !transitions.isEmpty else { return }
        let (merge, length) = backlog.withLock { backlog in
            (backlog.append(transitions), backlog.waiting.count)
        }
        metrics.queueLength.set(Double(length))
        if !merge.isEmpty {
            metrics.transitionsMerged.add(merge.removed.count)
            var changes = AlertStateChanges()
            changes.queued = merge.changed
            changes.taken = merge.removed
            writer.write(changes)
        }
        signaller.yield()
    }

    /// Hands on what is waiting.
    ///
    /// - Returns: False when the receiver did not take it; it stays queued.
    @discardableResult
    func handOn() async -> Bool {
        guard !isHandingOn else { return true }
        isHandingOn = true
        defer { isHandingOn = false }
        while true {
            let batch = backlog.withLock { $0.lend(settings.transitionBatchMax) }
            guard !batch.isEmpty else { return true }
            do {
                try await sink.take(batch)
            } catch {
                backlog.withLock { $0.settle(taken: false) }
                metrics.handOnFailures.add()
                log.warn(
                    "transitions could not be handed on; trying again: \(error)",
                    ["transitions": "\(batch.count)", "first": batch[0].summary]
                )
                return false
            }
            let length = backlog.withLock { backlog in
                backlog.settle(taken: true)
                return backlog.waiting.count
            }
            metrics.queueLength.set(Double(length))
            var changes = AlertStateChanges()
            changes.taken = batch.map(\.sequence)
            writer.write(changes)
        }
    }

    /// Hands on whatever comes until `finish` is called or the task is cancelled.
    func run() async {
        signaller.yield()
        for await _ in signal {
            var wait = settings.handOnRetry
            while !(await handOn()) {
                do {
                    try await sleeper.sleep(for: wait)
                } catch {
                    return
                }
                wait = min(wait * 2, settings.handOnRetryMax)
            }
        }
    }

    /// Ends `run` once what is queued was offered.
    nonisolated func finish() { signaller.finish() }
}
