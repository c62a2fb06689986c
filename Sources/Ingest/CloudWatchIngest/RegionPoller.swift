import Buffers
import Model
import Telemetry
import Timekeeping

/// Everything a source does in one region: lists metrics, plans, polls, fills zeros and admits.
actor RegionPoller {
    nonisolated let region: String
    nonisolated let name: String
    private let settings: CloudWatchSettings
    private let table: NamespaceTable
    private let client: CloudWatchClient
    private let cost: AccountCost
    private let credentials: CredentialsCache
    private let admit: any SampleAdmitting
    private let counters: CloudWatchCounters
    private let log: Log
    private let coverage: PushCoverage?
    private let sight: PullSight?
    private let report: @Sendable (SourceStatus) -> Void

    private var needs: [SelectorNeed] = []
    private var accountID: String?
    private var namespaces: Set<String> = []
    private var catalogue = MetricCatalogue()
    /// What the rules need, whether it is pushed or not.
    private var needed = PollPlan()
    /// What of it is not pushed, and so asked for; nil where nothing is pushed.
    private var unpushed: Set<QueryKey>?
    /// When it is looked again what is pushed.
    private var nextSight = Timestamp.distantPast
    private var plan = PollPlan()
    /// The account's shares that the plan is of.
    private var revision: Int?
    /// Pages of the last list of each namespace.
    private var listPages: [String: Int] = [:]
    private var schedule: PollSchedule
    private var status: SourceStatus
    private var listingTrouble: String?
    private var pollingTrouble: String?
    private var queryTroubles: [QueryKey: String] = [:]
    private var isPolling = false

    /// Pause before a list of metrics that could not be had is asked for again.
    static let listingPause = Duration.seconds(60)
    /// Pause before it is looked again what metric streams bring.
    static let coveragePause = Duration.seconds(60)
    /// Calls that are under way at once in a region.
    static let callsAtOnce = 8

    init(
        region: String,
        name: String,
        homeOnly: Bool,
        settings: CloudWatchSettings,
        client: CloudWatchClient,
        cost: AccountCost,
        credentials: CredentialsCache,
        admit: any SampleAdmitting,
        counters: CloudWatchCounters,
        log: Log,
        coverage: PushCoverage? = nil,
        sight: PullSight? = nil,
        report: @escaping @Sendable (SourceStatus) -> Void
    ) {
        self.region = region
        self.name = name
        self.settings = settings
        self.client = client
        self.cost = cost
        self.credentials = credentials
        self.admit = admit
        self.counters = counters
        self.log = log
        self.coverage = coverage
        self.sight = sight
        self.report = report
        table = NamespaceTable(settings: settings, region: region, homeOnly: homeOnly)
        schedule = PollSchedule(sourceName: name, backfillMax: settings.backfillMax)
        status = SourceStatus(name: name, isOn: true)
    }

    /// When there is something to do next; nil when nothing is needed.
    func nextDue() -> Timestamp? {
        [catalogue.nextDue(namespaces), schedule.nextDue].compactMap(\.self).min()
    }

    /// Does what is due at `now` for the given needs and reports.
    ///
    /// Data comes before lists: a slow ListMetrics must not hold up what is watched already.
    func poll(_ needs: [SelectorNeed], at now: Timestamp) async {
        guard !isPolling else { return }
        isPolling = true
        defer { isPolling = false }
        let account = needs.isEmpty ? accountID : await knownAccount() ?? accountID
        let isChanged = needs != self.needs || account != accountID
        self.needs = needs
        accountID = account
        let planner = PollPlanner(
            table: table,
            settings: settings,
            region: region,
            accountID: account
        )
        if revision == nil { await offPool { [cost] in cost.ledger.load() } }
        if isChanged || revision == nil {
            namespaces = planner.namespaces(of: needs)
            settle(planner.plan(needs, over: catalogue.metrics), at: now)
        } else if isPushedOtherwise(at: now) {
            settle(needed, at: now)
        } else if let share = cost.share(of: region), share.revision != revision {
            // Another region of the account wants more or less than before.
            adopt(share, at: now)
        }
        await pollData(at: now)
        if await refreshCatalogue(at: now) {
            settle(planner.plan(needs, over: catalogue.metrics), at: now)
            await pollData(at: now)
        }
        await offPool { [cost] in cost.ledger.flush() }
        publish()
    }

    private func pollData(at now: Timestamp) async {
        let calls = schedule.due(at: now)
        if !calls.isEmpty { await make(calls, at: now) }
    }

    /// Brings a plan within the account's budget and takes it.
    private func settle(_ wanted: PollPlan, at now: Timestamp) {
        needed = wanted
        var wanted = withoutPushed(wanted, at: now)
        unpushed = coverage == nil ? nil : Set(wanted.queries.map(\.key))
        nextSight = now + Self.coveragePause
        let refreshes = PlanPrice.monthSeconds / max(1, settings.catalogueRefresh.inSeconds)
        let pages = namespaces.reduce(0) { $0 + (listPages[$1] ?? 1) }
        wanted.listRequestsPerMonth = Double(pages) * refreshes
        adopt(cost.settle(region, wanted, at: now), at: now)
    }

    /// What is left to ask for once what metric streams bring is left out.
    private func withoutPushed(_ wanted: PollPlan, at now: Timestamp) -> PollPlan {
        let owner = MetricOwner(region: region, accountID: accountID)
        return coverage?.leaveOut(of: wanted, owner, at: now) ?? wanted
    }

    /// True when metric streams bring more or less than when the plan was made; looked at once a minute.
    private func isPushedOtherwise(at now: Timestamp) -> Bool {
        guard let unpushed, now >= nextSight else { return false }
        nextSight = now + Self.coveragePause
        return Set(withoutPushed(needed, at: now).queries.map(\.key)) != unpushed
    }

    private func adopt(_ share: AccountCost.Share, at now: Timestamp) {
        let new = share.plan
        if new.queries != plan.queries {
            log.info(
                "planned",
                [
                    "source": name, "metrics": "\(new.queries.count)",
                    "left_out": "\(new.leftOut)",
                ]
            )
        }
        plan = new
        revision = share.revision
        status.notice = share.notice
        schedule.adopt(new.queries, at: now)
        let keys = Set(new.queries.map(\.key))
        queryTroubles = queryTroubles.filter { keys.contains($0.key) }
        counters.planned.set(Double(new.queries.count))
        counters.leftOut.set(Double(new.leftOut))
    }

    /// The account for the `account_id` label: only what cannot change from one run to the next.
    private func knownAccount() async -> String? {
        await credentials.accountID(settings)
    }

    // MARK: Listing

    /// Renews the lists that are due.
    ///
    /// - Returns: True when any list is new.
    private func refreshCatalogue(at now: Timestamp) async -> Bool {
        let due = catalogue.due(namespaces, at: now)
        guard !due.isEmpty else { return false }
        var isNew = false
        listingTrouble = nil
        for namespace in due {
            do {
                let metrics = try await list(namespace)
                catalogue.listed(namespace, metrics, nextAt: now + settings.catalogueRefresh)
                isNew = true
                status.isOn = true
            } catch {
                catalogue.failed(namespace, nextAt: now + Self.listingPause)
                counters.failedPolls.add()
                listingTrouble = "listing \(namespace): \(error)"
                note(error)
                // The other namespaces would fail in the same way; they are due again in a minute.
                if case .service = error { continue }
                for other in due where other > namespace {
                    catalogue.failed(other, nextAt: now + Self.listingPause)
                }
                break
            }
        }
        return isNew
    }

    private func list(_ namespace: String) async throws(CloudWatchError) -> Set<CloudWatchMetric> {
        var found: Set<CloudWatchMetric> = []
        var input = ListMetricsInput(
            namespace: namespace,
            recentlyActive: table.isRecentlyActiveOnly(namespace)
        )
        var pages = 0
        repeat {
            let page = try await client.listMetrics(input)
            for wire in page.metrics ?? [] {
                if let metric = CloudWatchMetric(wire) { found.insert(metric) }
            }
            pages += 1
            input.nextToken = page.nextToken
        } while input.nextToken != nil && pages < settings.cataloguePagesMax
        listPages[namespace] = pages
        if input.nextToken != nil {
            counters.cutLists.add()
            listingTrouble =
                "\(namespace) has more than \(pages * CloudWatchProtocol.metricsPerPageMax) metrics; "
                + "those beyond are not seen, raise sources.cloudwatch catalogue_pages_max"
        }
        return found
    }

    // MARK: Polling

    private func make(_ calls: [PollCall], at now: Timestamp) async {
        let reader = MetricDataReader(client: client, settings: settings, counters: counters)
        pollingTrouble = nil
        // Calls with one end are put together, so that a load balancer's counters meet.
        for calls in Dictionary(grouping: calls, by: \.end).sorted(by: { $0.key < $1.key }) {
            var found: [QueryKey: Reading] = [:]
            for (call, reading) in await read(calls.value, by: reader) {
                for query in call.queries {
                    guard let result = reading.readings[query.key] else { continue }
                    found[query.key] = Reading(
                        names: query.names,
                        start: call.start,
                        result: result
                    )
                }
                if let error = reading.error {
                    counters.failedPolls.add()
                    pollingTrouble = "\(error)"
                    note(error)
                    if call.isStatistics, let refusal = error.refusal {
                        cost.refuseStatistics(refusal, at: now)
                    }
                }
            }
            await take(found, through: calls.key, at: now)
        }
    }

    /// Makes calls, a few at once; their readings come in the order of the calls.
    private func read(
        _ calls: [PollCall],
        by reader: MetricDataReader
    ) async -> [(PollCall, MetricDataReader.CallReading)] {
        var readings: [(PollCall, MetricDataReader.CallReading)] = []
        for first in stride(from: 0, to: calls.count, by: Self.callsAtOnce) {
            let part = calls[first..<min(first + Self.callsAtOnce, calls.count)]
            let found = await withTaskGroup(
                of: (Int, MetricDataReader.CallReading).self,
                returning: [Int: MetricDataReader.CallReading].self
            ) { group in
                for (index, call) in zip(part.indices, part) {
                    group.addTask { (index, await reader.read(call)) }
                }
                var found: [Int: MetricDataReader.CallReading] = [:]
                for await (index, reading) in group { found[index] = reading }
                return found
            }
            for index in part.indices {
                if let reading = found[index] { readings.append((calls[index], reading)) }
            }
        }
        return readings
    }

    /// One query of a poll: where its points go, where its range begins and what came.
    private struct Reading {
        var names: Set<String>
        var start: Timestamp
        var result: QueryReading
    }

    private func take(
        _ found: [QueryKey: Reading],
        through end: Timestamp,
        at now: Timestamp
    ) async {
        let complete = found.filter { $0.value.result.outcome == .complete }
        let zeros = LoadBalancerZeros.zeros(
            in: complete.mapValues { (start: $0.start, samples: $0.result.samples) }
        )
        let start = found.values.map(\.start).min() ?? end
        var batch = SampleBatch(latePolicy: .upsert(window: end - start))
        for (key, reading) in found.sorted(by: { $0.key.description < $1.key.description }) {
            var samples = reading.result.samples
            if let zeros = zeros[key], !reading.names.isEmpty {
                samples = (samples + zeros).sorted { $0.timestamp < $1.timestamp }
                counters.zeroFilled.add(zeros.count)
            }
            guard !samples.isEmpty else { continue }
            let labels = SeriesNaming.labels(key.metric, region: region, accountID: accountID)
            for name in reading.names.sorted() {
                var series = labels
                series[LabelSet.metricName] = name
                batch.append(series, samples: samples)
            }
        }
        let refusal = await admitted(batch, at: now)
        let owing = groupsOwing(found)
        for (key, reading) in found {
            note(reading.result, of: key)
            var outcome = reading.result.outcome
            if outcome == .complete, let group = LoadBalancerZeros.group(of: key),
                owing.contains(group)
            {
                outcome = .incomplete
            }
            if let refusal { outcome = .failed(retryAfter: refusal) }
            schedule.finished(key, outcome, through: end, at: now)
        }
        guard !complete.isEmpty else { return }
        status.lastSuccess = now
        status.isOn = true
    }

    /// Groups of counters one of which did not come whole: what was silent in them is not known yet, so that the
    /// others' range stays owed too.
    private func groupsOwing(_ found: [QueryKey: Reading]) -> Set<LoadBalancerZeros.Group> {
        var owing: Set<LoadBalancerZeros.Group> = []
        for (key, reading) in found where reading.result.outcome != .complete {
            if let group = LoadBalancerZeros.group(of: key) { owing.insert(group) }
        }
        return owing
    }

    /// Brings a batch to the door, off the cooperative pool since the door may block.
    ///
    /// - Returns: The pause before trying again when the door is closed; nil when the batch is in.
    private func admitted(_ batch: SampleBatch, at now: Timestamp) async -> Duration? {
        guard batch.sampleCount > 0 else { return nil }
        let admit = admit
        let name = name
        switch await offPool({ admit.admit(batch, from: name) }) {
        case .admitted(let result):
            counters.points.add(result.accepted + result.duplicates)
            status.accepted += result.accepted
            for (cause, count) in result.refused {
                status.refused[cause.rawValue, default: 0] += count
            }
            if let refusal = result.firstRefusal { pollingTrouble = refusal }
            return nil
        case .overloaded(let retryAfter, let reason):
            status.refused["overloaded", default: 0] += batch.sampleCount
            pollingTrouble = "the store is full for now: \(reason)"
            return retryAfter
        }
    }

    /// A source without credentials is off until it has some.
    private func note(_ error: CloudWatchError) {
        if case .credentials = error { status.isOn = false }
    }

    private func note(_ reading: QueryReading, of key: QueryKey) {
        let said = reading.messages.isEmpty ? "" : ": " + reading.messages.joined(separator: ", ")
        switch reading.outcome {
        case .complete: queryTroubles[key] = nil
        case .incomplete:
            counters.incomplete.add()
            queryTroubles[key] = "\(key) came incomplete and is read again\(said)"
        case .forbidden:
            counters.incomplete.add()
            queryTroubles[key] =
                "\(key) is forbidden\(said); allow cloudwatch:GetMetricData for its account"
        case .failed: counters.incomplete.add()
        }
    }

    // MARK: Reporting

    private func publish() {
        var advice: [String] = []
        if let listingTrouble { advice.append(listingTrouble) }
        if let pollingTrouble { advice.append(pollingTrouble) }
        let troubles = queryTroubles.sorted { $0.key.description < $1.key.description }
        if let first = troubles.first {
            let more = troubles.count > 1 ? " (and \(troubles.count - 1) more metrics)" : ""
            advice.append(first.value + more)
        }
        advice += plan.advice
        let text = advice.joined(separator: "; ")
        if text != status.advice, !text.isEmpty {
            log.warn("\(text)", ["source": name])
        }
        sight?.note(
            PullSight.Region(
                series: schedule.sight,
                unlisted: catalogue.unlisted(namespaces),
                advice: text
            ),
            of: name
        )
        status.advice = text
        status.watermark = schedule.watermark
        report(status)
    }
}
