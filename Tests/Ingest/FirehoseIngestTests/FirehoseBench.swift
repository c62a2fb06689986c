import CloudWatchIngest
import Compression
import Cryptography
import FirehoseIngest
import HTTPServer
import Ingest
import MetricStore
import Model
import Synchronization
import Telemetry
import TestSupport
import Timekeeping

/// A handler in front of a real store, and what a test asks of them.
final class FirehoseBench {
    /// Keeps log records.
    final class Lines: RecordTaking {
        let taken = Mutex<[LogRecord]>([])
        func append(_ records: [LogRecord]) { taken.withLock { $0 += records } }
    }

    /// Full for so many tries, then the real door.
    final class Door: SampleAdmitting, LogAdmitting {
        let real: Admission
        let full = Mutex(0)

        init(_ real: Admission) { self.real = real }

        private var isFull: Bool {
            full.withLock { full in
                guard full > 0 else { return false }
                full -= 1
                return true
            }
        }

        func admit(_ batch: SampleBatch, from source: String) -> AdmissionOutcome {
            isFull
                ? .overloaded(retryAfter: .milliseconds(1500), reason: "full")
                : real.admit(batch, from: source)
        }

        func admit(_ records: [LogRecord], from source: String) -> AdmissionOutcome {
            isFull
                ? .overloaded(retryAfter: .milliseconds(1500), reason: "full")
                : real.admit(records, from: source)
        }
    }

    /// 14 November 2023, 22:15:00.
    static let start: Int64 = 1_700_000_100_000
    static let key = "correct horse"

    let clock = ManualClock(Timestamp(milliseconds: start + 300_000))
    let registry = MetricsRegistry()
    let store: MetricStore
    let sources: SourceRegistry
    let lines = Lines()
    let door: Door
    let selection = PushSelection(metricsMax: 100)
    let coverage = PushCoverage(itemsMax: 100)
    let handler: FirehoseHandler

    init(
        _ names: [String] = [],
        settings: FirehoseSettings = FirehoseSettings(),
        keys: String = key
    ) throws {
        store = MetricStore(clock: clock, metrics: registry)
        store.start()
        sources = SourceRegistry(clock: clock, metrics: registry)
        door = Door(
            Admission(
                samples: store,
                records: lines,
                logMetrics: LogMetrics(clock: clock, metrics: registry, log: .silent),
                sources: sources,
                clock: clock
            )
        )
        handler = FirehoseHandler(
            settings: settings,
            keys: try AccessKeys(keys),
            doors: FirehoseHandler.Doors(
                samples: door,
                records: door,
                selection: selection,
                store: store,
                coverage: coverage
            ),
            sources: sources,
            clock: clock,
            metrics: registry
        )
        select(names)
    }

    deinit { store.stop() }

    /// Makes these series ones that rules read.
    func select(_ names: [String]) {
        selection.update(
            needs: names.map {
                SelectorNeed(
                    matchers: [LabelMatcher(LabelSet.metricName, equals: $0)],
                    reach: .seconds(300)
                )
            }
        )
    }

    // MARK: Requests

    static func body(_ records: [[UInt8]], id: String = "r1") -> String {
        let list = records.map { "{\"data\":\"\(Base64.encode($0))\"}" }.joined(separator: ",")
        return "{\"requestId\":\"\(id)\",\"timestamp\":1,\"records\":[\(list)]}"
    }

    func post(
        _ body: String,
        headers: [(String, String)] = [],
        key: String? = key,
        gzip: Bool = false
    ) throws -> HTTPResponse {
        var headers = headers + [("x-amz-firehose-request-id", "r1")]
        if let key { headers.append(("x-amz-firehose-access-key", key)) }
        var bytes = Array(body.utf8)
        if gzip {
            headers.append(("content-encoding", "gzip"))
            bytes = try Gzip.compress(bytes.span)
        }
        return handler.handle(
            HTTPRequest(method: "POST", path: "/v1/firehose", headers: headers, body: bytes)
        )
    }

    /// Delivers records of text.
    func deliver(_ records: String...) throws -> HTTPResponse {
        try post(Self.body(records.map { Array($0.utf8) }))
    }

    /// A metric update, `minute` minutes after the start.
    static func update(
        _ namespace: String,
        _ name: String,
        _ dimensions: String,
        minute: Int64 = 0,
        _ value: String
    ) -> String {
        """
        {"metric_stream_name":"s","account_id":"123456789012","region":"eu-west-1",\
        "namespace":"\(namespace)","metric_name":"\(name)","dimensions":{\(dimensions)},\
        "timestamp":\(start + minute * 60_000),"value":{\(value)},"unit":"None"}

        """
    }

    /// A counter of the load balancer `app/web/1`.
    static func counter(_ name: String, minute: Int64 = 0, _ sum: Int) -> String {
        update(
            "AWS/ApplicationELB",
            name,
            #""LoadBalancer":"app/web/1""#,
            minute: minute,
            #""count":\#(sum),"sum":\#(sum).0,"max":1.0,"min":1.0"#
        )
    }

    // MARK: What came of it

    /// `name{labels} minute=value ...` of each series, region and account left out.
    func stored() throws -> [String] {
        let all = try LabelMatcher(LabelSet.metricName, .matches, ".+")
        let range = TimeRange(
            after: Timestamp(milliseconds: Self.start - 86_400_000),
            through: clock.now()
        )
        return try store.select(
            SeriesSelection(matchers: [all], range: range),
            sampleLimit: 1000
        ).map { series in
            let samples = series.samples.map { sample in
                "\((sample.timestamp.milliseconds - Self.start) / 60_000)=\(sample.value)"
            }
            return "\(series.labels.dropping(["region", "account_id"])) "
                + samples.joined(separator: " ")
        }
    }

    /// What `/metrics` says.
    var text: String { registry.exposition(.text) }

    var status: SourceStatus? { sources.statuses.first { $0.name == "firehose" } }
}

extension HTTPResponse {
    var text: String { String(decoding: body, as: UTF8.self) }
}
