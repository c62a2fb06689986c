package import CloudWatchIngest
import Compression
import Ingest
package import Model
package import Timekeeping
import WireFormats

/// What the records of a request hold: samples of series that rules read, and log events.
///
/// Each record tells by its first bytes what it is: an OpenTelemetry export behind its length, gzip, or JSON objects
/// one after the other. Records may be of different kinds.
package struct FirehoseContents: Sendable {
    /// What was refused for one cause.
    package struct Refused: Hashable, Sendable {
        package var count: Int
        package var first: String
    }

    /// Samples of the series that rules read, in the order in which they came.
    package private(set) var batch: SampleBatch
    package private(set) var records: [LogRecord] = []
    /// For each record what it is known by when it comes again.
    package private(set) var identities: [UInt64?] = []
    /// Data points and log events that were read, also those that nobody wants.
    package private(set) var points = 0
    /// Data points of metrics that no rule reads.
    package private(set) var unselected = 0
    /// By cause.
    package private(set) var refused: [String: Refused] = [:]
    /// Sums of the counters of load balancers that are silent when they are zero, whether a rule reads them or not.
    package private(set) var counters: [PushedMetric: [Sample]] = [:]
    /// What was stored, for those who pull.
    package private(set) var pushed: Set<PushCoverage.Item> = []
    /// Statistics that rules read and the stream does not bring, such as `AWS/RDS CPUUtilization p99`.
    package private(set) var missing: Set<String> = []
    /// Statistics that rules read and the stream brings beyond the four that it always does.
    package private(set) var present: Set<String> = []

    private let settings: FirehoseSettings
    private let arrival: Timestamp
    private let selection: PushSelection
    /// Bytes that compressed records may still unpack to.
    private var unpackable: Int

    /// Reads all records.
    ///
    /// - Throws: Why nothing of them is taken.
    package init(
        _ records: [[UInt8]],
        _ settings: FirehoseSettings,
        selection: PushSelection,
        arrival: Timestamp
    ) throws(FirehoseProblem) {
        self.settings = settings
        self.selection = selection
        self.arrival = arrival
        unpackable = settings.unpackedMax
        batch = SampleBatch(latePolicy: .upsert(window: settings.revisionWindow))
        for (index, record) in records.enumerated() {
            do {
                try read(record)
            } catch let problem as FirehoseProblem {
                var problem = problem
                problem.reason = "record \(index): \(problem.reason)"
                throw problem
            } catch {
                throw .malformed("record \(index) cannot be read: \(error)")
            }
        }
    }

    // MARK: Records

    private mutating func read(_ record: [UInt8]) throws {
        let bytes = record.span
        guard bytes.count > 0 else { return }
        if let frames = MetricExportReader.frames(bytes) {
            for frame in frames {
                try MetricExportReader.read(bytes.extracting(frame), settings) {
                    point throws(FirehoseProblem) in try take(point)
                }
            }
        } else if bytes.count > 1, bytes[0] == 0x1f, bytes[1] == 0x8b {
            let plain: [UInt8]
            do {
                plain = try Gzip.decompress(bytes, limit: unpackable)
            } catch {
                throw FirehoseProblem.unpacking(error, of: "its gzip", limit: "max_unpacked")
            }
            unpackable -= plain.count
            try read(objects: plain.span)
        } else {
            try read(objects: bytes)
        }
    }

    private mutating func read(objects bytes: Span<UInt8>) throws {
        var offset = FirehoseContents.space(bytes, 0)
        guard offset == bytes.count || bytes[offset] == 0x7b else {
            throw FirehoseProblem.malformed(
                "it is neither JSON nor OpenTelemetry 1.0 nor gzip; set the metric stream's output "
                    + "format to json or opentelemetry1.0, without a transformation in Firehose"
            )
        }
        while offset < bytes.count {
            var reader = JSONReader(bytes, in: offset..<bytes.count, depthMax: settings.depthMax)
            let value: LogValue
            do {
                value = try LogValue(next: &reader)
            } catch {
                guard case .nesting = error.reason else { throw error }
                throw FirehoseProblem(
                    status: 400,
                    cause: "max_depth",
                    reason: "\(error); raise sources.firehose.max_depth if it is meant to be"
                )
            }
            guard case .object(let members) = value else {
                throw FirehoseProblem.malformed(
                    "something else than a JSON object at byte \(offset)"
                )
            }
            try take(members)
            offset = FirehoseContents.space(bytes, reader.offset)
        }
    }

    private static func space(_ bytes: Span<UInt8>, _ start: Int) -> Int {
        var offset = start
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x0a, 0x0d, 0x09: offset += 1
            default: return offset
            }
        }
        return offset
    }

    private mutating func take(
        _ members: [(name: String, value: LogValue)]
    ) throws(FirehoseProblem) {
        if SubscriptionReader.isSubscription(members) {
            try SubscriptionReader.read(members, arrival: arrival) {
                event throws(FirehoseProblem) in try take(event)
            }
        } else {
            let settings = settings
            try take(
                Result { () throws(PointRefusal) in
                    try MetricUpdateReader.point(members, settings)
                }
            )
        }
    }

    // MARK: Points and events

    private mutating func count() throws(FirehoseProblem) {
        points += 1
        guard points <= settings.pointsMax else {
            throw .overLimit(
                "max_points",
                "the request has more than \(settings.pointsMax) data points and log events"
            )
        }
    }

    private mutating func refuse(_ refusal: PointRefusal) {
        refused[refusal.cause, default: Refused(count: 0, first: refusal.reason)].count += 1
    }

    private mutating func take(
        _ event: Result<SubscriptionReader.Event, PointRefusal>
    ) throws(FirehoseProblem) {
        try count()
        switch event {
        case .success(let event):
            records.append(event.record)
            identities.append(event.identity)
        case .failure(let refusal): refuse(refusal)
        }
    }

    private mutating func take(
        _ point: Result<StreamPoint, PointRefusal>
    ) throws(FirehoseProblem) {
        try count()
        switch point {
        case .success(let point): take(point)
        case .failure(let refusal): refuse(refusal)
        }
    }

    private mutating func take(_ point: StreamPoint) {
        let sum = CloudWatchStatistic.plain(.sum)
        let key = QueryKey(metric: point.metric.metric, statistic: sum, period: .zero)
        if settings.fillsZeros, LoadBalancerZeros.isSilentWhenZero(key),
            let value = point.statistics.value(of: sum)
        {
            counters[point.metric, default: []].append(Sample(point.timestamp, value))
        }
        let series = selection.series(of: point.metric)
        if series.isEmpty { unselected += 1 }
        for one in series {
            guard let value = point.statistics.value(of: one.statistic) else {
                note(one.statistic, of: point, in: &missing)
                continue
            }
            note(one.statistic, of: point, in: &present)
            batch.append(one.labels, samples: CollectionOfOne(Sample(point.timestamp, value)))
            pushed.insert(PushCoverage.Item(point.metric, one.statistic))
        }
    }

    /// Notes a statistic of those that a stream must be told to bring.
    private func note(
        _ statistic: CloudWatchStatistic,
        of point: StreamPoint,
        in names: inout Set<String>
    ) {
        if case .plain(let plain) = statistic, plain != .interquartileMean { return }
        let metric = point.metric.metric
        names.insert("\(metric.namespace) \(metric.name) \(statistic.cloudWatch)")
    }

    // MARK: What is made of it

    /// Adds zeros of silent counters behind what came.
    mutating func append(zeros: [SilentCounters.Zeros]) {
        for one in zeros { batch.append(one.labels, samples: one.samples) }
    }

    /// Leaves out log events that are in already.
    mutating func leaveOut(_ isKnown: [Bool]) {
        var known = isKnown.makeIterator()
        let kept = identities.map { identity in identity == nil || !(known.next() ?? false) }
        records = zip(records, kept).compactMap { $1 ? $0 : nil }
        identities = zip(identities, kept).compactMap { $1 ? $0 : nil }
    }
}
