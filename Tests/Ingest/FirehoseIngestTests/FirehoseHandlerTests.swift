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

@Suite struct FirehoseHandlerTests {
    typealias Bench = FirehoseBench

    static let statistics = [
        "aws_rds_cpuutilization_average", "aws_rds_cpuutilization_sum",
        "aws_rds_cpuutilization_minimum", "aws_rds_cpuutilization_maximum",
        "aws_rds_cpuutilization_sample_count", "aws_rds_cpuutilization_p99_9",
    ]
    static let database = #""DBInstanceIdentifier":"db-1""#
    static let stored = [
        #"aws_rds_cpuutilization_average{dimension_DBInstanceIdentifier="db-1"} 0=2.5"#,
        #"aws_rds_cpuutilization_maximum{dimension_DBInstanceIdentifier="db-1"} 0=4.0"#,
        #"aws_rds_cpuutilization_minimum{dimension_DBInstanceIdentifier="db-1"} 0=1.0"#,
        #"aws_rds_cpuutilization_p99_9{dimension_DBInstanceIdentifier="db-1"} 0=3.5"#,
        #"aws_rds_cpuutilization_sample_count{dimension_DBInstanceIdentifier="db-1"} 0=4.0"#,
        #"aws_rds_cpuutilization_sum{dimension_DBInstanceIdentifier="db-1"} 0=10.0"#,
    ]

    @Test(arguments: [false, true])
    func jsonBecomesTheSeriesThatRulesRead(_ gzip: Bool) throws {
        let bench = try Bench(Self.statistics)
        let update = Bench.update(
            "AWS/RDS",
            "CPUUtilization",
            Self.database,
            #""count":4,"sum":10,"min":1,"max":4.0,"p99.9":3.5,"TM(25%:75%)":2"#
        )
        let response = try bench.post(Bench.body([Array(update.utf8)]), gzip: gzip)
        #expect(response.status == 200)
        #expect(response.headers.contains { $0 == ("Content-Type", "application/json") })
        #expect(response.text == #"{"requestId":"r1","timestamp":1700000400000}"#)
        #expect(try bench.stored() == Self.stored)
        #expect(bench.status?.accepted == 6)
        #expect(bench.status?.watermark == Timestamp(milliseconds: Bench.start))
    }

    @Test func openTelemetryBecomesTheSame() throws {
        let bench = try Bench(Self.statistics)
        let other = MetricExport(dimensions: [("DBClusterIdentifier", "c")])
        let record = MetricExport().frame + other.frame
        #expect(try bench.post(Bench.body([record])).status == 200)
        // A cluster's value is not among the instances', as with a pull.
        #expect(try bench.stored() == Self.stored)
    }

    @Test func labelsAreThoseOfAPull() throws {
        let bench = try Bench(["aws_rds_cpuutilization_sum"])
        _ = try bench.post(Bench.body([MetricExport().frame]))
        let all = try LabelMatcher(LabelSet.metricName, .matches, ".+")
        let now = bench.clock.now()
        let found = try bench.store.labelSets(
            SeriesSelection(
                matchers: [all],
                range: TimeRange(after: now - .seconds(3600), through: now)
            )
        )
        let metric = CloudWatchMetric(
            "AWS/RDS",
            "CPUUtilization",
            ["DBInstanceIdentifier": "db-1"]
        )
        var pulled = SeriesNaming.labels(
            metric,
            region: "eu-west-1",
            accountID: "123456789012"
        )
        pulled[LabelSet.metricName] = "aws_rds_cpuutilization_sum"
        #expect(found == [pulled])
    }

    @Test func aMessageWhoseLengthReadsAsABraceIsNotTakenForJSON() throws {
        let bench = try Bench()
        let frame = try #require(
            (0..<100).lazy.map { length in
                MetricExport(
                    name: String(repeating: "n", count: length),
                    resource: [],
                    quantiles: [],
                    hasAttributes: false
                ).frame
            }.first { $0[0] == UInt8(ascii: "{") }
        )
        #expect(frame[1] == UInt8(ascii: "\n"))
        #expect(try bench.post(Bench.body([frame])).status == 200)
        let pretty = try bench.deliver("{\n\"metric_stream_name\": \"s\"}")
        #expect(pretty.status == 200)
        #expect(bench.status?.refused["invalid_point"] == 2)
    }

    @Test func aPointThatComesAgainIsItselfAndARevisedOneReplacesIt() throws {
        let bench = try Bench(["aws_rds_cpuutilization_sum"])
        func update(_ minute: Int64, _ sum: Int) -> String {
            Bench.update(
                "AWS/RDS",
                "CPUUtilization",
                Self.database,
                minute: minute,
                #""count":1,"sum":\#(sum)"#
            )
        }
        _ = try bench.deliver(update(0, 1) + update(1, 2), update(2, 3))
        _ = try bench.deliver(update(2, 3))
        // Late, and revised twice within one request: the last word holds.
        _ = try bench.deliver(update(-1, 9), update(1, 5), update(1, 7))
        #expect(
            try bench.stored() == [
                #"aws_rds_cpuutilization_sum{dimension_DBInstanceIdentifier="db-1"} "#
                    + "-1=9.0 0=1.0 1=7.0 2=3.0"
            ]
        )
        let text = bench.text
        #expect(text.contains(#"tocsin_source_revised_total{source="firehose"} 2"#))
        #expect(text.contains(#"tocsin_source_duplicates_total{source="firehose"} 1"#))
    }

    @Test func aSampleOlderThanTheWindowIsRefusedAndCounted() throws {
        let bench = try Bench(
            ["aws_rds_cpuutilization_sum"],
            settings: FirehoseSettings(revisionWindow: .seconds(120))
        )
        for minute in [0, -2, -3] as [Int64] {
            let response = try bench.deliver(
                Bench.update(
                    "AWS/RDS",
                    "CPUUtilization",
                    Self.database,
                    minute: minute,
                    #""sum":1"#
                )
            )
            #expect(response.status == 200)
        }
        #expect(try bench.stored().first?.hasSuffix(" -2=1.0 0=1.0") == true)
        #expect(bench.status?.refused["too_old"] == 1)
    }

    @Test func whatNoRuleReadsIsNotStored() throws {
        let bench = try Bench(["aws_rds_cpuutilization_average"])
        _ = try bench.deliver(Bench.counter("RequestCount", 5))
        #expect(try bench.stored() == [])
        #expect(bench.text.contains("tocsin_firehose_unselected_points_total 1"))
        // Once a rule reads it, it is.
        bench.select(["aws_applicationelb_request_count_sum"])
        _ = try bench.deliver(Bench.counter("RequestCount", 5))
        #expect(try bench.stored().count == 1)
    }

    @Test func aStatisticThatTheStreamLacksIsToldOf() throws {
        let bench = try Bench(["aws_rds_cpuutilization_p99", "aws_rds_cpuutilization_average"])
        _ = try bench.deliver(
            Bench.update("AWS/RDS", "CPUUtilization", Self.database, #""count":1,"sum":2"#)
        )
        let notice = bench.status?.notice ?? ""
        #expect(notice.hasPrefix("rules read AWS/RDS CPUUtilization p99, which"), "\(notice)")
        _ = try bench.deliver(
            Bench.update("AWS/RDS", "CPUUtilization", Self.database, #""sum":2,"p99.0":7"#)
        )
        #expect(bench.status?.notice == "")
        #expect(
            try bench.stored().contains {
                $0.hasPrefix("aws_rds_cpuutilization_p99{") && $0.hasSuffix("0=7.0")
            }
        )
    }

    // MARK: Who may

    @Test func onlyTheKeysOfTheFileOpen() throws {
        let bench = try Bench(keys: "old\n  new key \n\n")
        #expect(try bench.post(Bench.body([]), key: "old").status == 200)
        #expect(try bench.post(Bench.body([]), key: "new key").status == 200)
        for wrong in ["", "ol", "old ", "new", "new keY", String(repeating: "x", count: 4096)] {
            let response = try bench.post("not even JSON", key: wrong)
            #expect(response.status == (wrong.isEmpty ? 401 : 403))
            #expect(response.text.hasPrefix(#"{"requestId":"r1","timestamp":1700000400000,"#))
            #expect(response.text.contains("access_key_file"))
            #expect(!response.text.contains("new key"))
        }
        #expect(try bench.post(Bench.body([]), key: nil).status == 401)
        #expect(bench.status?.refused["no_access_key"] == 2)
        #expect(bench.status?.refused["wrong_access_key"] == 5)
        #expect(bench.text.contains(#"tocsin_firehose_requests_total{status="403"} 5"#))
    }

    @Test(arguments: ["", "\n \n", String(repeating: "k", count: 4097)])
    func aFileWithoutAUsableKeyIsRefused(_ text: String) {
        #expect(throws: AccessKeys.Problem.self) { try AccessKeys(text) }
    }

    // MARK: Back-pressure

    @Test func aFullStoreAsksToComeAgain() throws {
        let bench = try Bench(["aws_rds_cpuutilization_sum"])
        bench.door.full.withLock { $0 = 1 }
        let update = Bench.update("AWS/RDS", "CPUUtilization", Self.database, #""sum":2"#)
        let full = try bench.deliver(update)
        #expect(full.status == 503)
        #expect(full.headers.contains { $0 == ("Retry-After", "2") })
        #expect(
            full.text
                == #"{"requestId":"r1","timestamp":1700000400000,"errorMessage":"full"}"#
        )
        #expect(try bench.stored() == [])
        #expect(try bench.deliver(update).status == 200)
        #expect(try bench.stored().count == 1)
    }

    @Test func theServersOwnAnswersAreInFirehosesWords() throws {
        let request = HTTPRequest(
            method: "POST",
            path: "/v1/firehose",
            headers: [("x-amz-firehose-request-id", "abc")]
        )
        let now = Timestamp(milliseconds: 5)
        let own = HTTPResponse(
            status: 503,
            headers: [("Retry-After", "1"), ("Content-Type", "text/plain")],
            body: Array("busy".utf8)
        )
        let answer = FirehoseHandler.serverAnswer(request, own, at: now)
        #expect(answer.status == 503)
        #expect(answer.text == #"{"requestId":"abc","timestamp":5,"errorMessage":"busy"}"#)
        #expect(answer.headers.map(\.name) == ["Content-Type", "Retry-After"])
        let other = HTTPRequest(method: "POST", path: "/v1/other")
        #expect(FirehoseHandler.serverAnswer(other, own, at: now).text == "busy")
    }

    @Test func longTextsAreCutSoThatAnAnswerIsNeverCompressed() throws {
        let bench = try Bench()
        let id = String(repeating: "é", count: 4000)
        let name = String(repeating: "\u{1}", count: 3000)
        let response = try bench.post(
            #"{"requestId":"\#(id)","records":{}}"#,
            headers: [("x-amz-firehose-protocol-version", name)]
        )
        #expect(response.status == 400)
        #expect(response.body.count < 5000)
    }
}
