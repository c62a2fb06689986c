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
import Testing
import Timekeeping

/// CloudWatch Logs through Firehose.
@Suite struct SubscriptionTests {
    typealias Bench = FirehoseBench

    static func message(_ events: String, type: String = "DATA_MESSAGE") -> String {
        """
        {"messageType":"\(type)","owner":"123456789012","logGroup":"/ecs/shop","logStream":"web/1",\
        "subscriptionFilters":["f"],"logEvents":[\(events)]}
        """
    }

    static func event(_ id: String, _ message: String) -> String {
        #"{"id":"\#(id)","timestamp":1700000099000,"message":"\#(message)","extractedFields":{"a":"1"}}"#
    }

    static func packed(_ text: String) throws -> [UInt8] {
        try Gzip.compress(Array(text.utf8).span)
    }

    @Test func eventsBecomeLogRecords() throws {
        let bench = try Bench()
        let control = Self.message(
            #"{"id":"","timestamp":1,"message":"CWL CONTROL"}"#,
            type: "CONTROL_MESSAGE"
        )
        let body = Bench.body([
            try Self.packed(control),
            try Self.packed(
                Self.message(Self.event("1", "one")) + Self.message(Self.event("2", "two"))
            ),
            Array(Self.message(#"{"message":"three"}"#).utf8),
        ])
        #expect(try bench.post(body).status == 200)
        let records = bench.lines.taken.withLock { $0 }
        #expect(records.map { $0["message"]?.text } == ["one", "two", "three"])
        let first = try #require(records.first)
        #expect(first.tag == "/ecs/shop")
        #expect(first.eventTime == Timestamp(milliseconds: 1_700_000_099_000))
        #expect(first["logStream"] == .string("web/1"))
        #expect(first["owner"] == .string("123456789012"))
        #expect(first["extractedFields.a"] == .string("1"))
        #expect(records[2].eventTime == bench.clock.now())
        #expect(bench.sources.statuses.first { $0.name == "firehose_logs" }?.accepted == 3)
    }

    @Test func anEventThatComesAgainCountsOnce() throws {
        let bench = try Bench()
        let first = try Self.packed(Self.message(Self.event("1", "one")))
        bench.door.full.withLock { $0 = 1 }
        #expect(try bench.post(Bench.body([first])).status == 503)
        #expect(try bench.post(Bench.body([first])).status == 200)
        let both = try Self.packed(
            Self.message(Self.event("1", "one") + "," + Self.event("2", "two"))
        )
        #expect(try bench.post(Bench.body([first, both])).status == 200)
        let texts = bench.lines.taken.withLock { $0.map { $0["message"]?.text } }
        #expect(texts == ["one", "two"])
        #expect(bench.text.contains("tocsin_firehose_repeated_log_events_total 2"))
    }

    @Test func metricsAndLogsMayComeTogether() throws {
        let bench = try Bench(["aws_rds_cpuutilization_sum"])
        let body = Bench.body([
            MetricExport().frame, try Self.packed(Self.message(Self.event("1", "one"))),
        ])
        #expect(try bench.post(body).status == 200)
        #expect(try bench.stored().count == 1)
        #expect(bench.lines.taken.withLock { $0.count } == 1)
    }
}
