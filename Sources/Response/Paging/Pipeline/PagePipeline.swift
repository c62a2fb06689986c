package import HTTPClient
package import Incidents
import Model
package import Telemetry
package import Timekeeping

/// Starts the second channel of a page whose receiver fails.
package protocol SecondChannelStarting: Sendable {
    /// Takes note that a receiver fails; the reason follows its name: `answered 503`.
    func receiverFails(_ page: Page, reason: String) async throws
}

extension Dispatcher: SecondChannelStarting {}

/// Delivers what is in the outbox: at least once, under the same id on every try, one after another for each
/// incident and receiver.
///
/// A page that was sent and not recorded when the process died is sent again; receivers tell repetitions by its id.
package actor PagePipeline {
    private var receivers: ReceiverSet
    private let store: any OutboxStoring
    private let http: any HTTPSending
    private let secondChannel: any SecondChannelStarting
    private let wake: WakeSignal
    private let clock: any WallClock
    private let sleeper: any Sleeper
    private var random: any RandomNumberGenerator & Sendable
    private let settings: PagingSettings
    private let log: Log
    private let metrics: PagingMetrics

    private var inFlight: Set<Lane> = []
    private var inFlightByReceiver: [String: Int] = [:]
    private var startedAt: Timestamp?
    /// After a failure to start one.
    private var secondChannelsFrom = Timestamp.distantPast
    private var lastPruning: Timestamp?

    /// - Parameters:
    ///   - receivers: The policy's, with their secrets.
    ///   - store: The outbox.
    ///   - http: The way out.
    ///   - secondChannel: The dispatcher.
    ///   - wake: Signalled when pages were added: the dispatcher's `pagesAdded`.
    ///   - clock: Wall time.
    ///   - sleeper: How `run` waits.
    ///   - random: The source of jitter.
    ///   - settings: Limits and times.
    ///   - log: The service's log.
    ///   - metrics: The service's metrics.
    package init(
        receivers: ReceiverSet,
        store: any OutboxStoring,
        http: any HTTPSending,
        secondChannel: any SecondChannelStarting,
        wake: WakeSignal,
        clock: any WallClock,
        sleeper: any Sleeper,
        random: any RandomNumberGenerator & Sendable,
        settings: PagingSettings = PagingSettings(),
        log: Log,
        metrics: MetricsRegistry
    ) {
        self.receivers = receivers
        self.store = store
        self.http = http
        self.secondChannel = secondChannel
        self.wake = wake
        self.clock = clock
        self.sleeper = sleeper
        self.random = random
        self.settings = settings
        self.log = log
        self.metrics = PagingMetrics(metrics)
    }

    /// Sends to other receivers from now on.
    package func reload(_ receivers: ReceiverSet) {
        self.receivers = receivers
        wake.signal()
    }

    // MARK: Running

    /// Delivers until the task is cancelled; tries under way then are broken off and made again after a restart.
    package func run() async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                let wait: Duration?
                do {
                    for entry in try await claim(at: clock.now()) {
                        group.addTask { await self.deliver(entry) }
                    }
                    wait = try await waitForNext(at: clock.now())
                } catch {
                    log.error("the outbox cannot be read", ["error": "\(error)"])
                    wait = PagePipeline.retryAfter
                }
                await wake.wait(timeout: wait, sleeper: sleeper)
            }
        }
    }

    /// Delivers everything that is due at a moment and returns when each was tried once.
    ///
    /// - Returns: How many were tried.
    @discardableResult
    package func deliverDue(at now: Timestamp) async throws -> Int {
        let due = try await claim(at: now)
        await withDiscardingTaskGroup { group in
            for entry in due { group.addTask { await self.deliver(entry) } }
        }
        return due.count
    }

    /// When something is due next; nil when nothing waits.
    package func nextDue() async throws -> Timestamp? {
        let next = try await store.nextDue(limit: settings.concurrentMax + 1)
        let page = next.pages.first { !inFlight.contains($0.lane) }?.at
        let fallback = next.fallback.map { moment in
            moment == PagePipeline.alreadyFailed
                ? secondChannelsFrom
                : max(moment + settings.secondChannelAfter, graceEnd, secondChannelsFrom)
        }
        return [page, fallback].compactMap { $0 }.min()
    }

    /// Since when calls wait whose receiver has failed, for their second channel.
    package static let alreadyFailed = Timestamp(milliseconds: 0)

    /// The wait after the store has failed.
    private static let retryAfter = Duration.seconds(1)
    /// The clock may be set while waiting; it is looked at this often.
    private static let idleWait = Duration.seconds(30)
    private static let pruneEvery = Duration.seconds(3600)

    private func waitForNext(at now: Timestamp) async throws -> Duration? {
        // Whoever finishes wakes the loop.
        guard inFlight.count < settings.concurrentMax else { return PagePipeline.idleWait }
        guard let next = try await nextDue() else { return PagePipeline.idleWait }
        return min(max(.milliseconds(1), next - now), PagePipeline.idleWait)
    }

    /// Starts second channels, and takes the pages that can be sent now out of the hands of others.
    private func claim(at now: Timestamp) async throws -> [OutboxEntry] {
        if startedAt == nil { startedAt = now }
        await startSecondChannels(at: now)
        await prune(at: now)
        // Of a lane that is being sent on now, the rows read may be out of date once they are here: its end wakes
        // the loop to read them again.
        let busy = inFlight
        let due = try await store.duePages(
            at: now,
            perReceiver: settings.concurrentPerReceiverMax
        )
        let (pending, dead) = try await store.outboxCounts()
        metrics.show(pending: pending, dead: dead)
        var claimed: [OutboxEntry] = []
        for entry in due {
            let lane = Lane(entry.page)
            let sending = inFlightByReceiver[lane.receiver] ?? 0
            guard !busy.contains(lane), inFlight.count < settings.concurrentMax,
                sending < settings.concurrentPerReceiverMax, inFlight.insert(lane).inserted
            else { continue }
            inFlightByReceiver[lane.receiver] = sending + 1
            claimed.append(entry)
        }
        return claimed
    }

    private func release(_ lane: Lane) {
        inFlight.remove(lane)
        let sending = (inFlightByReceiver[lane.receiver] ?? 1) - 1
        inFlightByReceiver[lane.receiver] = sending > 0 ? sending : nil
        wake.signal()
    }

    /// Until then second channels start only for receivers that have failed; what waited since before the
    /// start is tried first.
    private var graceEnd: Timestamp {
        (startedAt ?? .distantPast) + settings.secondChannelAfter
    }

    private func startSecondChannels(at now: Timestamp) async {
        guard now >= secondChannelsFrom else { return }
        do {
            let horizon =
                now < graceEnd ? PagePipeline.alreadyFailed : now - settings.secondChannelAfter
            for entry in try await store.failingPages(waitingSince: horizon) {
                let waited = PageText.rough(now - entry.page.createdAt)
                metrics.failing(entry.page.receiver)
                try await secondChannel.receiverFails(
                    entry.page,
                    reason: entry.reason ?? "has not answered for \(waited)"
                )
            }
        } catch {
            log.error("a second channel cannot be started", ["error": "\(error)"])
            secondChannelsFrom = now + PagePipeline.retryAfter
        }
    }

    private func prune(at now: Timestamp) async {
        if let lastPruning, now - lastPruning < PagePipeline.pruneEvery { return }
        lastPruning = now
        do {
            try await store.pruneOutbox(settledBefore: now - settings.keepSettled)
        } catch {
            log.error("old pages cannot be removed", ["error": "\(error)"])
        }
    }

    // MARK: One page

    private func deliver(_ entry: OutboxEntry) async {
        let outcome = await attempt(entry)
        if let outcome { await save(outcome, entry) }
        release(Lane(entry.page))
    }

    /// Sends a page once; nil when that was broken off.
    private func attempt(_ entry: OutboxEntry) async -> DeliveryOutcome? {
        let page = entry.page
        let start = clock.now()
        guard page.kind.isCall || entry.receiverKnows else {
            return settled(page, .withdrawn, "\(page.receiver) does not know of the incident")
        }
        guard let provider = receivers.provider(page.receiver) else {
            return failed(
                entry,
                .dead,
                "is no longer in the on-call file; replay it once it is",
                at: start
            )
        }
        let request: HTTPClientRequest
        do throws(PageRefusal) {
            guard let made = try provider.request(for: page, at: start) else {
                return settled(page, .withdrawn, "\(page.receiver) has no use for \(page.kind)")
            }
            request = made
        } catch {
            return failed(entry, .dead, "cannot be told: \(error)", at: start)
        }
        do throws(HTTPClientError) {
            let reply = try await http.send(request)
            let now = clock.now()
            return judged(
                entry,
                AnswerReading.verdict(reply, now: now),
                AnswerReading.words(reply),
                status: reply.status,
                from: start,
                to: now
            )
        } catch {
            guard error != .cancelled else { return nil }
            return judged(
                entry,
                AnswerReading.verdict(error),
                "failed: \(error)",
                status: nil,
                from: start,
                to: clock.now()
            )
        }
    }

    private func judged(
        _ entry: OutboxEntry,
        _ verdict: DeliveryVerdict,
        _ words: String,
        status: Int?,
        from start: Timestamp,
        to now: Timestamp
    ) -> DeliveryOutcome {
        let attempt = DeliveryTry(
            at: start,
            status: status,
            outcome: words,
            milliseconds: (now - start).milliseconds
        )
        switch verdict {
        case .delivered:
            metrics.tried(entry.page.receiver, "delivered")
            return DeliveryOutcome(
                page: entry.page.id,
                attempt: attempt,
                result: .delivered,
                reason: nil,
                isFailing: false,
                at: now
            )
        case .refused:
            metrics.tried(entry.page.receiver, "refused")
            return failed(entry, .dead, words, attempt, at: now)
        case .retry(let retryAfter):
            metrics.tried(entry.page.receiver, "failed")
            guard now - entry.page.createdAt < settings.giveUpAfter else {
                let limit = settings.giveUpAfter.prometheusText
                return failed(entry, .dead, "\(words); given up after \(limit)", attempt, at: now)
            }
            let failures = entry.tries + 1
            let wait = settings.retries.wait(
                afterFailure: failures,
                retryAfter: retryAfter,
                using: &random
            )
            return failed(entry, .retry(at: now + wait), words, attempt, at: now)
        }
    }

    private func settled(
        _ page: Page,
        _ result: DeliveryOutcome.Result,
        _ reason: String
    ) -> DeliveryOutcome {
        DeliveryOutcome(
            page: page.id,
            attempt: nil,
            result: result,
            reason: reason,
            isFailing: false,
            at: clock.now()
        )
    }

    /// The outcome of a failure: the second channel starts for calls that are dead, and for urgent ones
    /// after some failures.
    private func failed(
        _ entry: OutboxEntry,
        _ result: DeliveryOutcome.Result,
        _ words: String,
        _ attempt: DeliveryTry? = nil,
        at now: Timestamp
    ) -> DeliveryOutcome {
        let isUrgent = entry.page.incident.priority <= .p2 && !entry.page.fallbacks.isEmpty
        let hasFailedEnough = entry.tries + 1 >= settings.failuresBeforeSecondChannel
        let isFailing = entry.page.kind.isCall && (result == .dead || (isUrgent && hasFailedEnough))
        return DeliveryOutcome(
            page: entry.page.id,
            attempt: attempt,
            result: result,
            reason: words,
            isFailing: isFailing,
            at: now
        )
    }

    /// Writes an outcome, again and again when the disk fails: the lane waits, so that a page that was
    /// delivered is not sent a second time by this process.
    private func save(_ outcome: DeliveryOutcome, _ entry: OutboxEntry) async {
        while true {
            do {
                try await store.saveOutcome(outcome)
                break
            } catch {
                metrics.storeError()
                log.error(
                    "the outcome of a page cannot be written",
                    ["page": outcome.page, "error": "\(error)"]
                )
                guard (try? await sleeper.sleep(for: PagePipeline.retryAfter)) != nil else {
                    return
                }
            }
        }
        report(outcome, entry)
    }

    private func report(_ outcome: DeliveryOutcome, _ entry: OutboxEntry) {
        let page = entry.page
        switch outcome.result {
        case .delivered:
            metrics.settled(page, .delivered, at: outcome.at)
            log.info(
                "page delivered",
                [
                    "page": page.id, "receiver": page.receiver, "kind": page.kind.rawValue,
                    "tries": "\(entry.tries + 1)",
                ]
            )
        case .retry(let next):
            log.warn(
                "page not delivered, trying again",
                [
                    "page": page.id, "receiver": page.receiver, "reason": outcome.reason ?? "",
                    "next": next.rfc3339,
                ]
            )
        case .dead:
            metrics.settled(page, .dead, at: outcome.at)
            log.error(
                "page given up; sloctl notify replay \(page.id) sends it again",
                [
                    "page": page.id, "receiver": page.receiver, "reason": outcome.reason ?? "",
                ]
            )
        case .withdrawn:
            metrics.settled(page, .withdrawn, at: outcome.at)
            log.debug(
                "page not sent",
                ["page": page.id, "receiver": page.receiver, "reason": outcome.reason ?? ""]
            )
        }
    }

    // MARK: Looking in

    /// Pages with the record of their delivery, the newest first.
    package func deliveries(_ filter: DeliveryFilter) async throws -> [Delivery] {
        try await store.deliveries(filter)
    }

    /// Pages that were given up, the newest first.
    package func deadLetters(limit: Int = 1000) async throws -> [Delivery] {
        try await store.deliveries(DeliveryFilter(state: .dead, limit: limit))
    }

    /// Sends a page that was given up again, under its old id; false when no dead page has it.
    package func replay(_ page: String) async throws -> Bool {
        let isReplayed = try await store.replay(page, at: clock.now())
        if isReplayed { wake.signal() }
        return isReplayed
    }
}
