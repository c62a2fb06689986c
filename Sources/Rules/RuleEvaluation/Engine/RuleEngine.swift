import Buffers
package import Model
package import Rules
import Synchronization
package import Telemetry
package import Timekeeping

/// Evaluates loaded rules at their slots, records series, and tells the receiver of every change of an alert.
///
/// One thread of its own evaluates; a task hands transitions on, so that a receiver that is slow does not hold evaluation
/// up. Alert states and transitions are on disk before they are handed on.
package final class RuleEngine: Sendable {
    /// What other threads tell the engine's thread.
    private struct Signals {
        var isStopping = false
        /// The newest timestamp by group that was touched since the last cycle.
        var touched: [String: Timestamp] = [:]
        /// Monotonic nanoseconds at which the touched groups are evaluated.
        var touchDeadline: UInt64?
        /// Eager groups by the metrics they read; those that read any are in `anyMetric`.
        var eager: [String: [String]] = [:]
        var anyMetric: [String] = []
        /// The least time between two eager cycles, from what the last one took.
        var pause: UInt64 = 0
        /// True once rules were loaded while the thread slept.
        var isReloaded = false
    }

    private struct Running {
        var thread: OwnedThread
        var courier: Task<Void, Never>
    }

    private let settings: RuleEngineSettings
    private let evaluator: any ExpressionEvaluating
    private let appender: any SampleAppending
    private let clock: any WallClock
    private let log: Log
    private let metrics: RuleEngineMetrics
    private let writer: AlertStateWriter
    private let courier: TransitionCourier
    private let startedAt: Timestamp
    /// Held for a whole cycle: only cycles and loads take it, and they must not overlap.
    private let core: Mutex<EngineCore>
    private let signals = Monitor(Signals())
    private let hasEagerGroups = Atomic(false)
    private let published = Mutex<[GroupSnapshot]>([])
    private let running = Mutex<Running?>(nil)
    /// What the store refused in the last cycle, so that the same words are logged once.
    private let lastRefusal = Mutex<String?>(nil)

    /// Reads saved alert states; `load` gives them back to their rules.
    ///
    /// - Throws: What the store throws. Without the states an engine would resolve or repeat what fires: do not go on.
    package init(
        settings: RuleEngineSettings = RuleEngineSettings(),
        evaluator: any ExpressionEvaluating,
        appender: any SampleAppending,
        store: any AlertStateStoring,
        sink: any AlertTransitionSink,
        clock: any WallClock = SystemClock(),
        sleeper: any Sleeper = SystemSleeper(),
        log: Log,
        metrics registry: MetricsRegistry
    ) throws {
        let started = MonotonicTime.nanoseconds()
        let states = try store.loadAlertStates()
        self.settings = settings
        self.evaluator = evaluator
        self.appender = appender
        self.clock = clock
        self.log = log
        metrics = RuleEngineMetrics(registry)
        writer = AlertStateWriter(store, log: log, failures: metrics.saveFailures)
        courier = TransitionCourier(
            sink,
            writer,
            settings: settings,
            sleeper: sleeper,
            log: log,
            metrics: metrics
        )
        startedAt = clock.now()
        core = Mutex(EngineCore(restored: states))
        courier.enqueue(states.queue)
        let elapsed = MonotonicTime.nanoseconds() - started
        metrics.restoreSeconds.set(Double(elapsed) / 1e9)
        if !states.alerts.isEmpty {
            log.info("alert states restored", ["alerts": "\(states.alerts.count)"])
        }
    }

    /// Puts all rules in place of those loaded before.
    ///
    /// Rules of the same group name, name and labels keep the state of their alerts, over reloads and (the first load after
    /// the start) over restarts. Firing alerts of rules that are gone are resolved, so give the whole set at once.
    ///
    /// - Throws: Every problem, with the old rules going on.
    package func load(_ rules: RuleSet) throws(DiagnosticList) {
        let compiled = try RuleCompiler.compile(rules, settings: settings, evaluator: evaluator)
        let now = clock.now()
        let eager = core.withLock { core in
            let yield = core.adopt(compiled, settings: settings, at: now)
            commit(yield)
            courier.enqueue(yield.transitions)
            let snapshots = core.groups.map(\.snapshot)
            published.withLock { $0 = snapshots }
            return core.groups.filter(\.group.isEager).map { ($0.group.label, $0.metricNames) }
        }
        metrics.keep(Set(compiled.map(\.label)))
        for group in compiled {
            metrics.update(group.label) {
                $0.rules = group.rules.count
                $0.interval = group.interval
            }
        }
        hasEagerGroups.store(!eager.isEmpty, ordering: .relaxed)
        signals.signal { signals in
            signals.isReloaded = true
            signals.eager = [:]
            signals.anyMetric = []
            signals.touched = [:]
            for (label, names) in eager {
                guard let names else {
                    signals.anyMetric.append(label)
                    continue
                }
                for name in names { signals.eager[name, default: []].append(label) }
            }
        }
    }

    /// Saves what a group's evaluation changed; its transitions may be handed on afterwards.
    private func commit(_ yield: GroupRuntime.Yield) {
        for transition in yield.transitions { metrics.count(transition.change) }
        writer.write(yield.changes)
    }

    // MARK: Evaluation

    /// Evaluates every group that is due at `now`, and every eager group that was touched.
    ///
    /// The engine's thread calls it; without `start`, tests and replays do. Blocks while expressions are
    /// evaluated and states saved; transitions are queued for `handOn`.
    package func evaluateDue(at now: Timestamp) {
        evaluateDue(at: now, includingTouches: true)
    }

    private func evaluateDue(at now: Timestamp, includingTouches: Bool) {
        let touched = signals.withLock { signals -> [String: Timestamp] in
            guard includingTouches else { return [:] }
            defer { signals.touched = [:] }
            signals.touchDeadline = nil
            return signals.touched
        }
        core.withLock { core in
            let due = core.takeDue(at: now, touched: touched, log: log)
            guard !due.isEmpty else { return }
            let started = MonotonicTime.nanoseconds()
            let cycle = evaluator.cycle()
            core.read(due, cycle)
            var buffer = AppendBuffer(appender, cycle, samplesMax: settings.appendSamplesMax)
            let context = context(at: now, cycle)
            for (index, occasion) in due {
                let yield = core.evaluate(index, occasion, context, &buffer, metrics)
                guard let yield else { continue }
                commit(yield)
                courier.enqueue(yield.transitions)
                let snapshot = core.groups[index].snapshot
                published.withLock { $0[index] = snapshot }
            }
            core.endOrphans(at: now, &buffer)
            buffer.flush()
            report(buffer)
            let elapsed = MonotonicTime.nanoseconds() - started
            if !touched.isEmpty { signals.withLock { $0.pause = elapsed &* 4 } }
        }
    }

    private func context(
        at now: Timestamp,
        _ cycle: any EvaluationCycle
    ) -> (Timestamp, GroupRuntime) -> EvaluationContext {
        let sinceStart = now - startedAt
        return { slot, group in
            EvaluationContext(
                settings: self.settings,
                evaluator: self.evaluator,
                cycle: cycle,
                log: self.log,
                metrics: self.metrics,
                groupLabel: group.group.label,
                limit: group.group.limit,
                slot: slot,
                sinceStart: sinceStart
            )
        }
    }

    private func report(_ buffer: AppendBuffer) {
        metrics.samplesRefused.add(buffer.refused)
        let isNew = lastRefusal.withLock { last in
            defer { last = buffer.firstRefusal }
            return last != buffer.firstRefusal
        }
        guard isNew, buffer.refused > 0 else { return }
        log.warn(
            "samples of rules were refused",
            ["samples": "\(buffer.refused)", "first": buffer.firstRefusal ?? ""]
        )
    }

    /// True while a loaded group is eager: only then is `touched` worth a call.
    package var wantsTouches: Bool { hasEagerGroups.load(ordering: .relaxed) }

    /// Tells that an accepted batch holds these metrics; eager groups that read them are evaluated soon.
    ///
    /// Cheap, never blocks on an evaluation; call it from any thread.
    ///
    /// - Parameters:
    ///   - metricNames: Of the batch's series.
    ///   - newest: The batch's newest timestamp, at which the groups are evaluated.
    package func touched(metricNames: Set<String>, newest: Timestamp) {
        guard hasEagerGroups.load(ordering: .relaxed) else { return }
        let wakes = signals.withLock { signals in
            var labels = signals.anyMetric
            for name in metricNames { labels += signals.eager[name] ?? [] }
            guard !labels.isEmpty else { return false }
            for label in labels {
                signals.touched[label] = max(signals.touched[label] ?? newest, newest)
            }
            guard signals.touchDeadline == nil else { return false }
            let window = UInt64(max(0, settings.eagerWindow.milliseconds)) * 1_000_000
            signals.touchDeadline = MonotonicTime.nanoseconds() + max(window, signals.pause)
            return true
        }
        if wakes { signals.signal { _ in } }
    }

    /// Hands waiting transitions on to the receiver.
    ///
    /// `start` does it by itself; tests and replays call it.
    ///
    /// - Returns: False when the receiver refused; what it did not take stays queued.
    @discardableResult
    package func handOn() async -> Bool { await courier.handOn() }

    /// Ends a firing alert by a person's word, for one whose series will never come back.
    ///
    /// When its condition still holds, it fires anew with the next evaluation.
    ///
    /// - Returns: False when no alert of that fingerprint fires.
    package func release(fingerprint: String) -> Bool {
        let now = clock.now()
        return core.withLock { core in
            guard let yield = core.release(fingerprint, at: now) else { return false }
            commit(yield)
            courier.enqueue(yield.transitions)
            let snapshots = core.groups.map(\.snapshot)
            published.withLock { $0 = snapshots }
            return true
        }
    }

    /// All groups as of their last evaluation, in file order.
    package var snapshot: [GroupSnapshot] { published.withLock { $0 } }

    // MARK: Running

    /// Starts the engine's thread and the handing on; once.
    package func start() {
        running.withLock { running in
            guard running == nil else { return }
            let thread = OwnedThread(name: "rules") { self.run() }
            let task = Task { [courier] in await courier.run() }
            running = Running(thread: thread, courier: task)
        }
    }

    /// Finishes the cycle that runs, offers the receiver what is waiting, and returns.
    ///
    /// What the receiver does not take now is on disk and is handed on after the next start.
    package func stop() async {
        let stopped = running.withLock { running in
            defer { running = nil }
            return running
        }
        guard let stopped else { return }
        signals.signal { $0.isStopping = true }
        stopped.thread.join()
        courier.finish()
        await courier.handOn()
        stopped.courier.cancel()
        await stopped.courier.value
    }

    /// Why the thread woke.
    private enum Wake {
        case stop, evaluate
        /// What it waits for has changed.
        case again
    }

    /// The longest sleep: a step of the clock is noticed after it.
    private static let sleepMax = 1000

    /// The thread's life: sleep until a slot or a touch is due, evaluate, again.
    private func run() {
        while true {
            let known = signals.withLock { $0.touchDeadline }
            let wake = signals.wait(milliseconds: millisecondsToNext(known)) { signals -> Wake? in
                if signals.isStopping { return .stop }
                if signals.isReloaded || signals.touchDeadline != known {
                    signals.isReloaded = false
                    return .again
                }
                return nil
            }
            switch wake ?? .evaluate {
            case .stop: return
            case .again: continue
            case .evaluate:
                evaluateDue(
                    at: clock.now(),
                    includingTouches: known.map { MonotonicTime.nanoseconds() >= $0 } ?? false
                )
            }
        }
    }

    private func millisecondsToNext(_ touchDeadline: UInt64?) -> Int {
        var wait = RuleEngine.sleepMax
        if let slot = core.withLock({ $0.nextSlot }) {
            wait = min(wait, Int(clamping: (slot - clock.now()).milliseconds))
        }
        if let touchDeadline {
            let now = MonotonicTime.nanoseconds()
            let left = touchDeadline > now ? touchDeadline - now : 0
            wait = min(wait, Int(clamping: (left + 999_999) / 1_000_000))
        }
        return max(0, wait)
    }
}
