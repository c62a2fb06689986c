import Buffers
package import CloudWatchIngest
package import HTTPClient
package import Ingest
import Model
package import Telemetry
package import Timekeeping

/// Reads one source of log documents for ever: does what its cursor decides.
package actor ElasticsearchPuller {
    private let settings: PullSettings
    private let client: SearchClient
    private let admission: any PageAdmitting
    private let store: any PullStoring
    private let board: PullBoard
    private let sources: SourceRegistry
    private let clock: any WallClock
    private let sleeper: any Sleeper
    private let retry: RetryPolicy
    private var random: any RandomNumberGenerator & Sendable
    private let counters: PullCounters
    private let log: Log
    private var cursor: PullCursor?
    /// How late the latest document of the read at work was.
    private var lateness = Duration.zero
    /// Where the remembered documents began when they were too many last.
    private var shortened: Timestamp?
    private var isFailing = false

    /// - Parameters:
    ///   - settings: One entry of `sources.elasticsearch`.
    ///   - http: The way out.
    ///   - environment: Where credentials and secrets come from.
    ///   - credentials: Keys for signed requests, instead of the environment's chain.
    ///   - admission: The door; it may block, and is called on threads of its own.
    ///   - store: Keeps the position.
    ///   - board: Told how far the source is read.
    ///   - sources: Told how it is doing.
    ///   - clock: Wall time.
    ///   - sleeper: Waits between reads and tries.
    ///   - retry: How long it waits before a further try.
    ///   - random: Jitter; tests give a seeded one.
    ///   - log: For troubles, one line when they change.
    ///   - metrics: Where the counters are kept.
    package init(
        settings: PullSettings,
        http: any HTTPSending,
        environment: AWSEnvironment = .system(),
        credentials: (any CredentialsProviding)? = nil,
        admission: any PageAdmitting,
        store: any PullStoring,
        board: PullBoard,
        sources: SourceRegistry,
        clock: any WallClock,
        sleeper: any Sleeper = SystemSleeper(),
        retry: RetryPolicy = RetryPolicy(cap: .seconds(60)),
        random: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator(),
        log: Log,
        metrics: MetricsRegistry
    ) {
        self.settings = settings
        self.admission = admission
        self.store = store
        self.board = board
        self.sources = sources
        self.clock = clock
        self.sleeper = sleeper
        self.retry = retry
        self.random = random
        self.log = log
        counters = PullCounters(metrics, source: settings.source)
        client = SearchClient(
            settings: settings,
            http: http,
            environment: environment,
            credentials: ElasticsearchPuller.credentials(
                settings,
                credentials,
                environment,
                http,
                clock,
                log
            ),
            clock: clock
        )
        board.declare(settings.source, patience: settings.patience, at: clock.now())
        sources.declareJudged(settings.source)
    }

    private static func credentials(
        _ settings: PullSettings,
        _ given: (any CredentialsProviding)?,
        _ environment: AWSEnvironment,
        _ http: any HTTPSending,
        _ clock: any WallClock,
        _ log: Log
    ) -> CredentialsCache? {
        guard case .signed(let signing) = settings.authentication else { return nil }
        let source: any CredentialsProviding =
            given
            ?? CredentialsChain(
                environment: environment,
                http: http,
                clock: clock,
                region: signing.region ?? environment["AWS_REGION"]
                    ?? environment["AWS_DEFAULT_REGION"] ?? "us-east-1",
                roleARN: signing.roleARN,
                externalID: signing.externalID
            )
        return CredentialsCache(source, clock: clock, log: log)
    }

    /// Reads until the task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            do {
                try await readOnce()
                try await sleeper.sleep(for: settings.interval)
            } catch is CancellationError {
                break
            } catch {
                fail(
                    "no_position",
                    "the position of the source cannot be read from the state file: \(error); nothing is "
                        + "counted until it can"
                )
                do { try await sleeper.sleep(for: settings.interval) } catch { break }
            }
        }
        await client.close()
    }

    /// Reads everything that there is now, or as far as it goes.
    ///
    /// - Throws: `CancellationError`, and what the store throws when the position cannot be read.
    package func readOnce() async throws {
        var cursor = try await loaded()
        var event = PullCursor.Event.woke
        while true {
            let action = cursor.advance(event, at: clock.now())
            note(&cursor)
            self.cursor = cursor
            switch action {
            case .open: event = await open()
            case .search(let request):
                event = await self.answer(to: request)
            case .admit(let hits, let commit):
                try await admit(hits, commit)
                event = .admitted
            case .save(let commit):
                try await save(commit)
                event = .saved
            case .close:
                await client.close()
                return
            case .rest:
                await client.close()
                return
            case .backOff(let attempt, let least):
                try await sleeper.sleep(for: (least ?? .zero) + jittered(attempt))
                event = .retried
            }
        }
    }

    private func loaded() async throws -> PullCursor {
        if let cursor { return cursor }
        let (store, source) = (store, settings.source)
        let stored = try await offPool { Result { try store.loadPull(source) } }.get()
        let made = PullCursor(settings, stored: stored, at: clock.now())
        cursor = made
        board.advanced(source, readTo: made.position.readTo)
        return made
    }

    // MARK: Asking

    private func answer(to request: SearchRequest) async -> PullCursor.Event {
        do throws(PullProblem) {
            let answer = try await client.search(request)
            counters.request("ok")
            if answer.unreadableTimes > 0 {
                sources.refused(
                    settings.source,
                    cause: "unreadable_time",
                    count: answer.unreadableTimes,
                    "documents of \(settings.index) have an @timestamp that is no time, so they bear that of "
                        + "\(settings.timeField)"
                )
            }
            return .answered(answer)
        } catch {
            return await failed(error)
        }
    }

    private func open() async -> PullCursor.Event {
        do throws(PullProblem) {
            try await client.open()
            counters.request("ok")
            return .opened
        } catch {
            return await failed(error)
        }
    }

    private func failed(_ problem: PullProblem) async -> PullCursor.Event {
        counters.request(problem.cause)
        switch problem.kind {
        case .pointLost: break
        case .unreachable:
            await client.turnToNextNode()
            fail(problem.cause, problem.text)
        case .busy, .partial, .unusable, .permanent: fail(problem.cause, problem.text)
        }
        return .failed(problem)
    }

    private func fail(_ cause: String, _ text: String) {
        board.failed(settings.source, problem: text)
        sources.judged(settings.source, worked: false, failure: text)
        guard !isFailing else { return }
        isFailing = true
        log.warn(
            "a source cannot be read",
            ["source": settings.source, "cause": cause, "reason": text]
        )
    }

    // MARK: Taking in

    private func admit(_ hits: [SearchHit], _ commit: PullCommit) async throws {
        let records = hits.compactMap(\.record)
        guard !records.isEmpty else { return try await save(commit) }
        let (admission, store, source) = (admission, store, settings.source)
        var page = PulledPage(records)
        while true {
            let tried = page
            let (outcome, after) = await offPool {
                var page = tried
                let outcome = admission.admit(&page, from: source) { totals in
                    var whole = commit
                    whole.totals = totals
                    try store.commitPull(whole)
                }
                return (outcome, page)
            }
            page = after
            switch outcome {
            case .admitted:
                counters.documents.add(records.count)
                board.advanced(source, readTo: commit.position.readTo)
                return
            case .overloaded(let retryAfter, let reason):
                fail("overloaded", reason)
                try await sleeper.sleep(for: retryAfter)
            }
        }
    }

    private func save(_ commit: PullCommit) async throws {
        let store = store
        while true {
            let problem = await offPool { () -> String? in
                do {
                    try store.commitPull(commit)
                    return nil
                } catch {
                    return "\(error)"
                }
            }
            guard let problem else {
                board.advanced(settings.source, readTo: commit.position.readTo)
                return
            }
            fail("no_position", "how far the source is read cannot be saved: \(problem)")
            try await sleeper.sleep(for: .seconds(1))
        }
    }

    // MARK: Telling

    private func note(_ cursor: inout PullCursor) {
        let notes = cursor.takeNotes()
        counters.note(notes)
        counters.remembered.set(Double(cursor.documentCount))
        counters.readTo.set(cursor.position.readTo.seconds)
        lateness = max(lateness, notes.lateness)
        if notes.unreadable > 0 {
            sources.refused(
                settings.source,
                cause: "unreadable_document",
                count: notes.unreadable,
                "a document of \(settings.index) is too long or too deeply nested to be read and was passed; "
                    + "raise max_answer, or leave it out by query"
            )
        }
        if notes.forgotten > 0 {
            shortened = cursor.position.knownFrom
            log.warn(
                "more documents came within the overlap than are remembered: it is shorter for a while, and "
                    + "documents that become searchable later than that are missed. Raise max_documents or lower "
                    + "overlap",
                ["source": settings.source, "max_documents": "\(settings.documentsMax)"]
            )
        }
        if notes.isComplete { completed(cursor.position) }
    }

    private func completed(_ position: PullPosition) {
        let source = settings.source
        board.completed(source, readTo: position.readTo, at: clock.now())
        sources.judged(source, worked: true, failure: nil)
        counters.lateness.set(lateness.inSeconds)
        sources.declare(source, isOn: true, notice: notice(position))
        lateness = .zero
        if isFailing { log.info("a source is read again", ["source": source]) }
        isFailing = false
    }

    private func notice(_ position: PullPosition) -> String {
        if lateness > settings.overlap * 0.8 {
            return
                "documents become searchable up to \(Int(lateness.inSeconds)) s late, and later than overlap "
                + "(\(settings.overlap.prometheusText)) they are missed; raise overlap"
        }
        guard let shortened, position.readTo - shortened < settings.overlap else { return "" }
        return
            "more documents come within overlap than max_documents (\(settings.documentsMax)): late ones are found for "
            + "\(Int((position.readTo - position.knownFrom).inSeconds)) s; raise it or lower overlap"
    }

    /// Full jitter between the policy's bounds.
    private func jittered(_ attempt: Int) -> Duration {
        var generator = AnyRandom(base: random)
        defer { random = generator.base }
        return retry.wait(after: attempt, using: &generator)
    }
}
