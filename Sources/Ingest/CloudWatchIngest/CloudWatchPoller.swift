package import HTTPClient
package import Model
import Synchronization
package import Telemetry
package import Timekeeping

/// Pulls from CloudWatch what the loaded rules select, and nothing else.
///
/// Samples carry CloudWatch's own timestamps, the start of their period, and are admitted once their period
/// has settled (its end plus the namespace's delay has passed); every poll reads the last minutes again and
/// overwrites what was revised. So rules see each period whole, some minutes after its end: judge them at
/// `now - (period + delay)`.
package final class CloudWatchPoller: Sendable {
    private struct State {
        var needs: [SelectorNeed] = []
        var regions: [String]
        var pollers: [String: RegionPoller] = [:]
        var limits: [String: LimitPoller] = [:]
        var credentials: CredentialsCache?
    }

    /// Longest time before changed needs are noticed while nothing is due.
    package static let noticePause = Duration.seconds(5)
    /// Shortest time between two rounds.
    package static let roundPause = Duration.milliseconds(100)

    private let settings: CloudWatchSettings
    private let given: (any CredentialsProviding)?
    private let environment: AWSEnvironment
    private let http: any HTTPSending
    private let admit: any SampleAdmitting
    private let clock: any WallClock
    private let sleeper: any Sleeper
    private let makeRandom: @Sendable () -> any RandomNumberGenerator & Sendable
    private let log: Log
    private let metrics: MetricsRegistry
    private let report: @Sendable (SourceStatus) -> Void
    private let cost: AccountCost
    private let paces: PaceRegistry
    private let accountKey: String
    private let coverage: PushCoverage?
    private let sight: PullSight?
    private let state: Mutex<State>

    /// - Parameters:
    ///   - settings: One entry of `sources.cloudwatch`; `problems` must be empty.
    ///   - credentials: Keys to use instead of the environment's chain; `roleARN` is then not taken.
    ///   - environment: Variables and files that credentials and region come from.
    ///   - http: The way out.
    ///   - admit: The door to the metric store; it may block, and is called on threads of its own.
    ///   - clock: Wall time.
    ///   - sleeper: Waits between polls and tries.
    ///   - random: Makes a source of jitter for each region; tests give a seeded one.
    ///   - log: For plans and troubles, one line when they change.
    ///   - metrics: Where the counters are kept.
    ///   - paces: Shared by all entries of the settings, so that those of one account go at one pace.
    ///   - account: The name that its costs are kept and shown under.
    ///   - spend: Keeps what was spent over a restart; nil forgets it.
    ///   - coverage: What is pushed, and so not pulled; nil when nothing is.
    ///   - sight: Told after each poll what has been read.
    ///   - report: Told of each region's state after each poll, from any thread.
    package init(
        settings: CloudWatchSettings,
        credentials: (any CredentialsProviding)? = nil,
        environment: AWSEnvironment = .system(),
        http: any HTTPSending,
        admit: any SampleAdmitting,
        clock: any WallClock,
        sleeper: any Sleeper = SystemSleeper(),
        random: @escaping @Sendable () -> any RandomNumberGenerator & Sendable = {
            SystemRandomNumberGenerator()
        },
        log: Log,
        metrics: MetricsRegistry,
        paces: PaceRegistry = PaceRegistry(),
        account: String = "own",
        spend: (any SpendStoring)? = nil,
        coverage: PushCoverage? = nil,
        sight: PullSight? = nil,
        report: @escaping @Sendable (SourceStatus) -> Void = { _ in }
    ) {
        self.settings = settings
        given = credentials
        self.environment = environment
        self.http = http
        self.admit = admit
        self.clock = clock
        self.sleeper = sleeper
        makeRandom = random
        self.log = log
        self.metrics = metrics
        self.report = report
        self.paces = paces
        self.coverage = coverage
        self.sight = sight
        accountKey =
            settings.roleARN.flatMap { CloudWatchIngest.accountID(ofARN: $0) }
            ?? settings.accountID ?? "own"
        state = Mutex(State(regions: settings.regions))
        let isBilled =
            (settings.endpoint ?? environment["AWS_ENDPOINT_URL_CLOUDWATCH"]
            ?? environment["AWS_ENDPOINT_URL"])
            .map { $0.contains("amazonaws.com") } ?? true
        cost = AccountCost(
            account: account,
            settings: settings,
            isBilled: isBilled,
            store: spend,
            clock: clock,
            log: log
        )
    }

    /// What the account costs.
    package func costReport(at now: Timestamp) -> CostReport.Account { cost.report(at: now) }

    /// Replaces what the loaded rules, SLOs and dashboards select; noticed within five seconds.
    package func update(needs: [SelectorNeed]) {
        state.withLock { $0.needs = needs }
    }

    /// The sources it reports on for the settings' regions; none while no region is known.
    package var sourceNames: [String] { state.withLock { $0.regions }.map(sourceName) }

    /// Polls until the task is cancelled, each region at its own pace.
    package func run() async {
        await withTaskGroup(of: Void.self) { group in
            var running: Set<String> = []
            repeat {
                for poller in await neededPollers() where running.insert(poller.region).inserted {
                    group.addTask { await self.run(poller) }
                }
            } while await slept(Self.noticePause)
            group.cancelAll()
        }
    }

    /// Does everything that is due at `now`, in all regions at once.
    package func pollOnce(at now: Timestamp) async {
        let pollers = await neededPollers()
        let needs = state.withLock { $0.needs }
        await withTaskGroup(of: Void.self) { group in
            for poller in pollers {
                group.addTask {
                    await poller.poll(needs, at: now)
                    await self.limits(of: poller.region)?.poll(needs, at: now)
                }
            }
        }
    }

    private func run(_ poller: RegionPoller) async {
        var pause: Duration
        repeat {
            let needs = state.withLock { $0.needs }
            await poller.poll(needs, at: clock.now())
            await limits(of: poller.region)?.poll(needs, at: clock.now())
            let next = await poller.nextDue().map { $0 - clock.now() } ?? Self.noticePause
            pause = min(Self.noticePause, max(Self.roundPause, next))
        } while await slept(pause)
    }

    /// Waits; false when the task is cancelled.
    private func slept(_ pause: Duration) async -> Bool {
        do {
            try await sleeper.sleep(for: pause)
            return !Task.isCancelled
        } catch {
            return false
        }
    }

    /// The pollers of the settings' regions and of the home regions that the needs ask for; none, and a report,
    /// while no region is known.
    private func neededPollers() async -> [RegionPoller] {
        let regions: [String]
        do {
            regions = try await knownRegions()
        } catch {
            report(SourceStatus(name: "cloudwatch", isOn: false, advice: "\(error)"))
            return []
        }
        let names = state.withLock { $0.needs }.compactMap(NeedIndex.nameText)
        let homes = NamespaceTable.homeRegions(of: names, beyond: regions)
        return regions.map { poller($0, regions, homeOnly: false) }
            + homes.sorted().map { poller($0, regions, homeOnly: true) }
    }

    /// Where the keys are from and how long they last; nil before the first are found.
    package func credentialsSummary() async -> String? {
        await state.withLock { $0.credentials }?.summary
    }

    private func knownRegions() async throws(CredentialsError) -> [String] {
        let known = state.withLock { $0.regions }
        guard known.isEmpty else { return known }
        let region = try await RegionResolution.resolve(environment, http: http)
        state.withLock { $0.regions = [region] }
        return [region]
    }

    private func poller(_ region: String, _ regions: [String], homeOnly: Bool) -> RegionPoller {
        state.withLock { state in
            if let known = state.pollers[region] { return known }
            let cache = state.credentials ?? makeCredentials(region: regions[0])
            state.credentials = cache
            let name = sourceName(region)
            let counters = CloudWatchCounters(metrics, source: name)
            let client = CloudWatchClient(
                region: region,
                endpoint: endpoint,
                credentials: cache,
                http: http,
                clock: clock,
                sleeper: sleeper,
                pace: paces.pace(account: accountKey, region: region),
                random: makeRandom(),
                counters: counters,
                ledger: cost.ledger
            )
            if looksUpLimits, !homeOnly {
                state.limits[region] = limitPoller(region, name, cache, counters)
            }
            let made = RegionPoller(
                region: region,
                name: name,
                homeOnly: homeOnly,
                settings: settings,
                client: client,
                cost: cost,
                credentials: cache,
                admit: admit,
                counters: counters,
                log: log,
                coverage: coverage,
                sight: sight,
                report: report
            )
            state.pollers[region] = made
            return made
        }
    }

    private func limits(of region: String) -> LimitPoller? {
        state.withLock { $0.limits[region] }
    }

    private func limitPoller(
        _ region: String,
        _ name: String,
        _ cache: CredentialsCache,
        _ counters: CloudWatchCounters
    ) -> LimitPoller {
        let client = QueryServiceClient(
            region: region,
            endpoint: settings.lookupEndpoint,
            environment: environment,
            credentials: cache,
            pace: paces.pace(account: accountKey, region: region),
            http: http,
            clock: clock,
            sleeper: sleeper,
            counters: counters,
            ledger: cost.ledger
        )
        let (settings, log) = (settings, log)
        return LimitPoller(
            region: region,
            name: "limits" + name.dropFirst("cloudwatch".count),
            lookup: LimitLookup(client),
            delay: settings.arrivalDelay,
            account: { await cache.accountID(settings) },
            admit: admit,
            log: log,
            report: report
        )
    }

    /// Look-ups go to AWS, or to where they are told to go; never to AWS beside another endpoint.
    private var looksUpLimits: Bool {
        settings.looksUpLimits
            && (settings.lookupEndpoint != nil || endpoint == nil
                || environment["AWS_ENDPOINT_URL"] != nil)
    }

    /// An address instead of AWS's own, from the settings or as AWS's tools take it.
    private var endpoint: String? {
        settings.endpoint ?? environment["AWS_ENDPOINT_URL_CLOUDWATCH"]
            ?? environment["AWS_ENDPOINT_URL"]
    }

    /// `cloudwatch/eu-west-1`, with the account when a role names one.
    private func sourceName(_ region: String) -> String {
        let account = settings.roleARN.flatMap { CloudWatchIngest.accountID(ofARN: $0) }
        return "cloudwatch/\(region)" + (account.map { "/\($0)" } ?? "")
    }

    private func makeCredentials(region: String) -> CredentialsCache {
        let source: any CredentialsProviding =
            given
            ?? CredentialsChain(
                environment: environment,
                http: http,
                clock: clock,
                region: region,
                roleARN: settings.roleARN,
                externalID: settings.externalID
            )
        return CredentialsCache(source, clock: clock, log: log)
    }
}
