import CloudWatchIngest
import Timekeeping

/// One GetMetricData call, checked as CloudWatch checks it, and its pages.
struct MetricDataReading {
    struct Query {
        var id: String
        var label: String
        var metric: CloudWatchMetric
        var statistic: CloudWatchStatistic
        var period: Duration
    }

    let queries: [Query]
    private let start: Timestamp
    private let end: Timestamp
    private let isDescending: Bool
    private let pageSize: Int
    private let place: PageToken
    /// What a token must belong to.
    private let tokenScope: String
    private let now: Timestamp
    private let fault: StandInFault?

    init(
        _ input: GetMetricDataInput,
        limits: CloudWatchStandIn.Limits,
        now: Timestamp,
        fault: StandInFault?
    ) throws(StandInRefusal) {
        guard !input.queries.isEmpty else { throw .missing("MetricDataQueries") }
        guard input.queries.count <= limits.queriesPerCall else {
            throw .validation(
                "The collection MetricDataQueries must not have a size greater than \(limits.queriesPerCall)."
            )
        }
        let first = Timestamp(seconds: input.startTime)
        let last = Timestamp(seconds: input.endTime)
        guard first < last else {
            throw .validation("The parameter StartTime must be less than the parameter EndTime.")
        }
        var queries: [Query] = []
        var ids: Set<String> = []
        for wire in input.queries {
            let query = try Self.query(wire)
            guard ids.insert(query.id).inserted else {
                throw .validation(
                    "The values for parameter id in MetricDataQueries are not unique."
                )
            }
            if wire.returnData ?? true { queries.append(query) }
        }
        self.queries = queries
        switch input.scanBy ?? "TimestampDescending" {
        case "TimestampDescending": isDescending = true
        case "TimestampAscending": isDescending = false
        default: throw .invalidValue("ScanBy must be TimestampDescending or TimestampAscending.")
        }
        let size = input.maxDatapoints ?? limits.datapointsPerPage
        guard size >= 1, size <= CloudWatchProtocol.datapointsPerPageMax else {
            throw .invalidValue(
                "MaxDatapoints must be between 1 and \(CloudWatchProtocol.datapointsPerPageMax)."
            )
        }
        pageSize = min(size, limits.datapointsPerPage)
        self.now = now
        self.fault = fault
        start = Self.floored(first, shortest: queries.map(\.period).min() ?? .seconds(60), now: now)
        end = last
        tokenScope =
            "data/\(input.startTime)/\(input.endTime)/\(ids.sorted().joined(separator: ","))"
        if let token = input.nextToken {
            guard let page = PageToken(token, of: tokenScope) else {
                throw StandInRefusal("InvalidNextToken", "Invalid nextToken.")
            }
            place = page
        } else {
            place = PageToken(query: 0, point: 0, of: tokenScope)
        }
    }

    /// The page at this call's token: points in order of the queries, cut after `pageSize` points.
    ///
    /// A query that is cut stands on both pages, as `PartialData` on the first.
    func page(
        of models: [CloudWatchMetric: MetricModel]
    ) throws(StandInRefusal)
        -> GetMetricDataOutput
    {
        guard place.query < queries.count else {
            throw StandInRefusal("InvalidNextToken", "Invalid nextToken.")
        }
        var results: [WireMetricDataResult] = []
        var room = pageSize
        for index in place.query..<queries.count {
            guard room > 0 else {
                let next = PageToken(query: index, point: 0, of: tokenScope)
                return GetMetricDataOutput(results: results, nextToken: next.text, messages: [])
            }
            let query = queries[index]
            let (points, status) = points(of: query, models[query.metric])
            let skipped = index == place.query ? min(place.point, points.count) : 0
            let taken = points[skipped...].prefix(room)
            let isWhole = skipped + taken.count == points.count
            room -= taken.count
            results.append(
                WireMetricDataResult(
                    id: query.id,
                    label: query.label,
                    timestamps: taken.map(\.time.seconds),
                    values: taken.map(\.value),
                    statusCode: isWhole ? status : "PartialData"
                )
            )
            if !isWhole {
                let next = PageToken(query: index, point: skipped + taken.count, of: tokenScope)
                return GetMetricDataOutput(results: results, nextToken: next.text, messages: [])
            }
        }
        return GetMetricDataOutput(results: results, nextToken: nil, messages: [])
    }

    private func points(
        of query: Query,
        _ model: MetricModel?
    ) -> (points: [(time: Timestamp, value: Double)], status: String) {
        switch fault {
        case .internalError(let name) where name == query.metric.name: return ([], "InternalError")
        case .forbidden(let name) where name == query.metric.name: return ([], "Forbidden")
        default: break
        }
        var points: [(time: Timestamp, value: Double)] = []
        if let model, isKept(query.period) {
            var time = start
            while time < end, time <= now {
                let seen = model.observations(from: time, for: query.period, at: now)
                if let value = seen.statistic(query.statistic) { points.append((time, value)) }
                time = time + query.period
            }
        }
        if isDescending { points.reverse() }
        if case .partialData(let name) = fault, name == query.metric.name {
            return (Array(points.prefix(points.count / 2)), "PartialData")
        }
        return (points, "Complete")
    }

    /// Data too old for its period is gone: an empty answer, no error.
    private func isKept(_ period: Duration) -> Bool {
        let age = now - start
        if period < .seconds(60) { return age <= .seconds(3 * 3600) }
        if period < .seconds(300) { return age <= .seconds(15 * 86400) }
        if period < .seconds(3600) { return age <= .seconds(63 * 86400) }
        return age <= .seconds(455 * 86400)
    }

    /// The start as CloudWatch rounds it: by age, or by the period when it is shorter than a minute.
    static func floored(_ start: Timestamp, shortest: Duration, now: Timestamp) -> Timestamp {
        let age = now - start
        if shortest < .seconds(60) { return start.floored(to: shortest) }
        if age < .seconds(15 * 86400) { return start.floored(to: .seconds(60)) }
        if age < .seconds(63 * 86400) { return start.floored(to: .seconds(300)) }
        return start.floored(to: .seconds(3600))
    }

    private static func query(_ wire: WireMetricDataQuery) throws(StandInRefusal) -> Query {
        let letters = Array(wire.id.utf8)
        let isValid =
            (1...255).contains(letters.count)
            && (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(letters[0])
            && letters.allSatisfy { byte in
                byte == UInt8(ascii: "_") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
            }
        guard isValid else {
            throw .validation(
                "The value \(wire.id) for parameter id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$."
            )
        }
        guard wire.expression == nil else {
            throw .validation("the stand-in has no metric math: use MetricStat in \(wire.id)")
        }
        guard let stat = wire.metricStat else { throw .missing("MetricStat or Expression") }
        guard let metric = CloudWatchMetric(stat.metric) else {
            throw .missing("Namespace and MetricName")
        }
        guard metric.dimensions.count <= 30 else {
            throw .validation("The collection Dimensions must not have a size greater than 30.")
        }
        guard
            [1, 5, 10, 20, 30].contains(stat.period) || (stat.period > 0 && stat.period % 60 == 0)
        else {
            throw .validation("Period must be 1, 5, 10, 20, 30 or a multiple of 60.")
        }
        guard let statistic = CloudWatchStatistic(cloudWatch: stat.stat) else {
            throw .validation("The value \(stat.stat) for parameter Stat is not supported.")
        }
        return Query(
            id: wire.id,
            label: wire.label ?? metric.name,
            metric: metric,
            statistic: statistic,
            period: .seconds(stat.period)
        )
    }
}
