import Buffers
import Model
import Telemetry
import Timekeeping

/// Looks limits up every few minutes while rules read them, and stores them as series.
///
/// A sample is dated back by the time that CloudWatch's samples take to arrive, so that rules judged that much
/// earlier than now find it. What cannot be looked up keeps its last value.
actor LimitPoller {
    /// Time between two look-ups; their calls are free.
    static let pollEvery = Duration.seconds(300)

    nonisolated let name: String
    private let region: String
    private let lookup: LimitLookup
    private let delay: Duration
    private let account: @Sendable () async -> String?
    private let admit: any SampleAdmitting
    private let log: Log
    private let report: @Sendable (SourceStatus) -> Void

    private var held: [LimitReading] = []
    private var nextAt = Timestamp.distantPast
    private var isPolling = false
    private var status: SourceStatus

    init(
        region: String,
        name: String,
        lookup: LimitLookup,
        delay: Duration,
        account: @escaping @Sendable () async -> String?,
        admit: any SampleAdmitting,
        log: Log,
        report: @escaping @Sendable (SourceStatus) -> Void
    ) {
        self.region = region
        self.name = name
        self.lookup = lookup
        self.delay = delay
        self.account = account
        self.admit = admit
        self.log = log
        self.report = report
        status = SourceStatus(name: name, isOn: true)
    }

    /// The limits that needs name.
    static func kinds(_ needs: [SelectorNeed]) -> Set<LimitReading.Kind> {
        Set(needs.compactMap { $0.metricName.flatMap(LimitReading.Kind.init(rawValue:)) })
    }

    /// Looks up what is due.
    func poll(_ needs: [SelectorNeed], at now: Timestamp) async {
        let kinds = Self.kinds(needs)
        guard !kinds.isEmpty, now >= nextAt, !isPolling else { return }
        isPolling = true
        defer { isPolling = false }
        nextAt = now + Self.pollEvery
        let found = await lookup.findings(kinds)
        let isChanged = take(found, kinds)
        await store(at: now)
        if isChanged { tell() }
        status.isOn = true
        if found.troubles.isEmpty { status.lastSuccess = now }
        let advice = found.troubles.joined(separator: "; ")
        if advice != status.advice, !advice.isEmpty { log.warn("\(advice)", ["source": name]) }
        status.advice = advice
        status.notice = Self.summary(held)
        report(status)
    }

    /// Keeps what is new; of a kind that had trouble the last values stay.
    ///
    /// - Returns: True when anything is other than before.
    private func take(_ found: LimitLookup.Findings, _ kinds: Set<LimitReading.Kind>) -> Bool {
        let before = held
        var next = found.readings
        if !found.troubles.isEmpty {
            let known = Set(next.map { "\($0.kind) \($0.dimensions)" })
            next += held.filter {
                kinds.contains($0.kind) && !known.contains("\($0.kind) \($0.dimensions)")
            }
        }
        held = next.sorted {
            ($0.kind.order, $0.dimensions.first?.value ?? "")
                < ($1.kind.order, $1.dimensions.first?.value ?? "")
        }
        return held != before
    }

    private func store(at now: Timestamp) async {
        guard !held.isEmpty else { return }
        var batch = SampleBatch(latePolicy: .upsert(window: delay + Self.pollEvery))
        let accountID = await account()
        for reading in held {
            let metric = CloudWatchMetric(
                namespace: "",
                name: reading.kind.rawValue,
                dimensions: reading.dimensions
            )
            var series = SeriesNaming.labels(metric, region: region, accountID: accountID)
            series[LabelSet.metricName] = reading.kind.rawValue
            series["source"] = reading.source.rawValue
            batch.append(series, samples: [Sample(now - delay, reading.value)])
        }
        let (admit, name, whole) = (admit, name, batch)
        switch await offPool({ admit.admit(whole, from: name) }) {
        case .admitted(let result): status.accepted += result.accepted
        case .overloaded(let retryAfter, _): nextAt = now + retryAfter
        }
    }

    private func tell() {
        for reading in held {
            log.info(
                "limit",
                [
                    "source": name, "limit": reading.kind.rawValue,
                    "of": reading.dimensions.map(\.value).joined(separator: " "),
                    "value": "\(reading.value)", "from": reading.source.rawValue,
                    "detail": reading.detail,
                ]
            )
        }
    }

    /// `orders: 1802 connections (class_formula, ...)`, the first few.
    static func summary(_ readings: [LimitReading]) -> String {
        let shown = 6
        let parts = readings.prefix(shown).map { reading in
            let name = reading.dimensions.first { $0.name != "ClusterName" }?.value ?? ""
            let value =
                switch reading.kind {
                case .maxConnections: "\(Int64(min(reading.value, 1e15))) connections"
                case .memory: "\((reading.value / 1_073_741_824 * 100).rounded() / 100) GiB"
                case .groupMaximum: "\(Int64(min(reading.value, 1e15))) instances"
                }
            return "\(name) \(value) (\(reading.source.rawValue): \(reading.detail))"
        }
        let more = readings.count > shown ? ", and \(readings.count - shown) more" : ""
        return parts.joined(separator: ", ") + more
    }
}
