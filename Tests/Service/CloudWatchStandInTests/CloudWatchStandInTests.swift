import CloudWatchIngest
import CloudWatchStandIn
import Foundation
import HTTPServer
import TestSupport
import Testing
import Timekeeping

/// The protocol, call by call, without a socket.
@Suite struct CloudWatchStandInTests {
    let clock = ManualClock(Timestamp(year: 2026, month: 3, day: 1, hour: 12))
    let minute = Duration.seconds(60)
    static let latency = CloudWatchMetric(
        "AWS/ApplicationELB",
        "TargetResponseTime",
        ["LoadBalancer": "app/web/1"]
    )

    private func caller(_ limits: CloudWatchStandIn.Limits = .init()) -> StandInCaller {
        StandInCaller(
            standIn: CloudWatchStandIn(keys: [StandInCaller.key], limits: limits, clock: clock),
            clock: clock
        )
    }

    private func query(
        _ stat: String,
        id: String = "a",
        period: Int = 60,
        name: String = "TargetResponseTime"
    ) -> String {
        #"{"Id":"\#(id)","MetricStat":{"Metric":{"Namespace":"AWS/ApplicationELB","MetricName":"\#(name)","#
            + #""Dimensions":[{"Name":"LoadBalancer","Value":"app/web/1"}]},"Period":\#(period),"Stat":"\#(stat)"}}"#
    }

    private func data(
        _ queries: [String],
        from start: Timestamp,
        to end: Timestamp,
        _ more: String = ""
    ) -> String {
        #"{"MetricDataQueries":[\#(queries.joined(separator: ","))],"#
            + #""StartTime":\#(start.seconds),"EndTime":\#(end.seconds)\#(more)}"#
    }

    @Test func statisticsAreComputedFromObservations() throws {
        let caller = caller()
        let start = clock.now() - minute * 5
        for second in 0..<60 {
            caller.standIn.record(
                Self.latency,
                [0.1, Double(second) / 50],
                at: start + .seconds(second)
            )
        }
        let body = data(
            [
                query("p99", id: "a"), query("PR(:0.5)", id: "b"), query("SampleCount", id: "c"),
                query("Maximum", id: "d"),
            ],
            from: start,
            to: start + minute * 3
        )
        let reply = try caller.json("GetMetricData", body, as: GetMetricDataOutput.self)
        let results = try #require(reply.results)
        #expect(results.map(\.statusCode) == Array(repeating: "Complete", count: 4))
        #expect(results.map(\.timestamps) == Array(repeating: [start.seconds], count: 4))
        #expect(results.map { $0.values?.first } == [1.16, 100 * 86 / 120.0, 120, 1.18])
        #expect(reply.nextToken == nil)
    }

    @Test func startIsFlooredAndEndExcluded() throws {
        let caller = caller()
        let start = clock.now() - minute * 10
        for index in 0..<5 {
            caller.standIn.record(Self.latency, [Double(index)], at: start + minute * index)
        }
        let body = data(
            [query("Sum")],
            from: start + .seconds(59),
            to: start + minute * 3,
            #","ScanBy":"TimestampAscending""#
        )
        let reply = try caller.json("GetMetricData", body, as: GetMetricDataOutput.self)
        #expect(reply.results?.first?.values == [0, 1, 2])
        let descending = try caller.json(
            "GetMetricData",
            data([query("Sum")], from: start, to: start + minute * 3),
            as: GetMetricDataOutput.self
        )
        #expect(descending.results?.first?.values == [2, 1, 0])
    }

    @Test func shortPeriodsOfOldDataAreGone() throws {
        let caller = caller()
        let old = clock.now() - .seconds(4 * 3600)
        caller.standIn.record(Self.latency, [1], at: old)
        func values(_ period: Int) throws -> [Double]? {
            let body = data(
                [query("Sum", period: period)],
                from: old,
                to: old + .seconds(3600)
            )
            let reply = try caller.json("GetMetricData", body, as: GetMetricDataOutput.self)
            return reply.results?.first?.values
        }
        #expect(try values(10) == [])
        #expect(try values(60) == [1])
    }

    @Test func anIdCanSpanPages() throws {
        let caller = caller()
        let start = clock.now() - minute * 30
        for index in 0..<10 {
            caller.standIn.record(Self.latency, [Double(index)], at: start + minute * index)
        }
        var collected: [String: [Double]] = [:]
        var statuses: [[String?]] = []
        var token: String?
        repeat {
            let more =
                #","ScanBy":"TimestampAscending","MaxDatapoints":4"#
                + (token.map { #","NextToken":"\#($0)""# } ?? "")
            let body = data(
                [
                    query("Sum", id: "a"), query("Maximum", id: "b", name: "Nothing"),
                    query("Average", id: "c"),
                ],
                from: start,
                to: start + minute * 10,
                more
            )
            let reply = try caller.json("GetMetricData", body, as: GetMetricDataOutput.self)
            for result in reply.results ?? [] {
                collected[result.id ?? "", default: []] += result.values ?? []
            }
            #expect((reply.results ?? []).reduce(0) { $0 + ($1.values?.count ?? 0) } <= 4)
            statuses.append((reply.results ?? []).map(\.statusCode))
            token = reply.nextToken
        } while token != nil && statuses.count < 20
        let all = (0..<10).map(Double.init)
        #expect(collected == ["a": all, "b": [], "c": all])
        #expect(statuses.first == ["PartialData"])
        #expect(statuses.last == ["Complete"])
        #expect(statuses.count == 5)
    }

    @Test func lateDataAppearsWhenItIsDue() throws {
        let caller = caller()
        let start = clock.now() - minute * 3
        caller.standIn.record(Self.latency, [1], at: start)
        caller.standIn.record(Self.latency, [3], at: start, visibleAt: clock.now() + minute)
        func sum() throws -> Double? {
            let reply = try caller.json(
                "GetMetricData",
                data([query("Sum")], from: start, to: start + minute),
                as: GetMetricDataOutput.self
            )
            return reply.results?.first?.values?.first
        }
        #expect(try sum() == 1)
        clock.advance(by: minute)
        #expect(try sum() == 4)
        caller.standIn.revise(Self.latency, from: start, for: minute, to: [7, 7])
        #expect(try sum() == 14)
    }

    @Test func aFunctionStandsForObservationsUpToNow() throws {
        let caller = caller()
        caller.standIn.follow(Self.latency) { _ in [1, 1] }
        let start = clock.now() - minute
        let reply = try caller.json(
            "GetMetricData",
            data([query("Sum")], from: start, to: start + minute * 3),
            as: GetMetricDataOutput.self
        )
        #expect(reply.results?.first?.values == [2, 120])
    }

    @Test func listingFiltersAndPages() throws {
        var limits = CloudWatchStandIn.Limits()
        limits.metricsPerPage = 2
        let caller = caller(limits)
        for name in ["A", "B", "C", "D", "E"] {
            let metric = CloudWatchMetric("App", name, ["Host": "h1", "Zone": "z"])
            caller.standIn.record(metric, [1], at: clock.now() - .seconds(name == "E" ? 20000 : 60))
        }
        func names(_ body: String) throws -> [String] {
            var found: [String] = []
            var token: String?
            repeat {
                let more = token.map { #","NextToken":"\#($0)""# } ?? ""
                let reply = try caller.json(
                    "ListMetrics",
                    "{\(body)\(more)}",
                    as: ListMetricsOutput.self
                )
                #expect((reply.metrics ?? []).count <= 2)
                found += (reply.metrics ?? []).compactMap(\.metricName)
                token = reply.nextToken
            } while token != nil
            return found
        }
        #expect(try names(#""Namespace":"App""#) == ["A", "B", "C", "D", "E"])
        #expect(try names(#""Namespace":"App","RecentlyActive":"PT3H""#) == ["A", "B", "C", "D"])
        #expect(try names(#""Namespace":"App","MetricName":"C""#) == ["C"])
        #expect(try names(#""Namespace":"Other""#) == [])
        #expect(
            try names(#""Namespace":"App","MetricName":"A","Dimensions":[{"Name":"Host"}]"#) == [
                "A"
            ]
        )
        #expect(
            try names(#""Namespace":"App","Dimensions":[{"Name":"Host","Value":"h2"}]"#) == []
        )
        caller.standIn.setListingDelay(minute)
        #expect(try names(#""Namespace":"App""#) == [])
        clock.advance(by: minute)
        #expect(try names(#""Namespace":"App""#).count == 5)
    }

    struct Refusal: CustomTestStringConvertible, Sendable {
        var name: String
        var operation = "GetMetricData"
        var body: String
        var code: String

        var testDescription: String { name }
    }

    static let one =
        #"{"Id":"a","MetricStat":{"Metric":{"Namespace":"N","MetricName":"M"},"Period":60,"Stat":"Sum"}}"#
    static let span = #","StartTime":1772366400,"EndTime":1772366460"#
    static func changed(_ old: String, _ new: String) -> String {
        #"{"MetricDataQueries":["# + one.replacing(old, with: new) + "]" + span + "}"
    }

    static let refusals = [
        Refusal(
            name: "501 queries",
            body: #"{"MetricDataQueries":["#
                + (0...500).map { one.replacing(#""a""#, with: #""a\#($0)""#) }
                .joined(separator: ",") + "]" + span + "}",
            code: "ValidationError"
        ),
        Refusal(
            name: "no queries",
            body: #"{"MetricDataQueries":[]\#(span)}"#,
            code: "MissingParameter"
        ),
        Refusal(
            name: "start after end",
            body: #"{"MetricDataQueries":[\#(one)],"StartTime":1772366460,"EndTime":1772366400}"#,
            code: "ValidationError"
        ),
        Refusal(
            name: "start equal to end",
            body: #"{"MetricDataQueries":[\#(one)],"StartTime":1772366400,"EndTime":1772366400}"#,
            code: "ValidationError"
        ),
        Refusal(
            name: "an id twice",
            body: #"{"MetricDataQueries":[\#(one),\#(one)]\#(span)}"#,
            code: "ValidationError"
        ),
        Refusal(
            name: "an upper-case id",
            body: changed(#""Id":"a""#, #""Id":"A""#),
            code: "ValidationError"
        ),
        Refusal(name: "a period of 90 seconds", body: changed("60", "90"), code: "ValidationError"),
        Refusal(
            name: "an unknown statistic",
            body: changed("Sum", "p101"),
            code: "ValidationError"
        ),
        Refusal(
            name: "math",
            body: #"{"MetricDataQueries":[{"Id":"a","Expression":"b+1"}]\#(span)}"#,
            code: "ValidationError"
        ),
        Refusal(
            name: "a token of another call",
            body: #"{"MetricDataQueries":[\#(one)]\#(span),"NextToken":"MDowOjAw"}"#,
            code: "InvalidNextToken"
        ),
        Refusal(
            name: "too many points",
            body: #"{"MetricDataQueries":[\#(one)]\#(span),"MaxDatapoints":100801}"#,
            code: "InvalidParameterValue"
        ),
        Refusal(
            name: "a wrong order",
            body: #"{"MetricDataQueries":[\#(one)]\#(span),"ScanBy":"Up"}"#,
            code: "InvalidParameterValue"
        ),
        Refusal(name: "no JSON", body: "Action=GetMetricData", code: "SerializationException"),
        Refusal(
            name: "an unknown operation",
            operation: "DescribeAlarms",
            body: "{}",
            code: "UnknownOperationException"
        ),
        Refusal(
            name: "RecentlyActive of a day",
            operation: "ListMetrics",
            body: #"{"RecentlyActive":"P1D"}"#,
            code: "InvalidParameterValue"
        ),
        Refusal(
            name: "a list token that was made up",
            operation: "ListMetrics",
            body: #"{"NextToken":"x"}"#,
            code: "InvalidNextToken"
        ),
        Refusal(
            name: "no data to put",
            operation: "PutMetricData",
            body: #"{"Namespace":"N"}"#,
            code: "MissingParameter"
        ),
        Refusal(
            name: "value and values",
            operation: "PutMetricData",
            body: #"{"Namespace":"N","MetricData":[{"MetricName":"M","Value":1,"Values":[1]}]}"#,
            code: "InvalidParameterCombination"
        ),
        Refusal(
            name: "data three weeks old",
            operation: "PutMetricData",
            body:
                #"{"Namespace":"N","MetricData":[{"MetricName":"M","Value":1,"Timestamp":1770500000}]}"#,
            code: "InvalidParameterValue"
        ),
    ]

    @Test(arguments: refusals) func refusal(_ one: Refusal) {
        let response = caller().call(one.operation, one.body)
        let text = String(decoding: response.body, as: UTF8.self)
        #expect(response.status == 400, "\(text)")
        let code = response.headers.first { $0.name == "x-amzn-query-error" }?.value
        #expect(code == "\(one.code);Sender", "\(text)")
    }

    struct Forgery: CustomTestStringConvertible, Sendable {
        var name: String
        var code: String
        var change: @Sendable (inout HTTPRequest) -> Void
        var testDescription: String { name }
    }

    static func edit(
        _ name: String,
        _ change: @escaping @Sendable (String) -> String?
    )
        -> @Sendable (inout HTTPRequest) -> Void
    {
        { request in
            request.headers = request.headers.compactMap { header in
                guard header.name == name else { return header }
                return change(header.value).map { (header.name, $0) }
            }
        }
    }

    static let forgeries = [
        Forgery(
            name: "no signature",
            code: "MissingAuthenticationToken",
            change: edit("authorization") { _ in nil }
        ),
        Forgery(
            name: "another scheme",
            code: "IncompleteSignature",
            change: edit("authorization") { _ in "Basic eDp5" }
        ),
        Forgery(
            name: "an unknown key",
            code: "UnrecognizedClientException",
            change: edit("authorization") { $0.replacing("AKIDSTANDIN", with: "AKIDOTHER") }
        ),
        Forgery(name: "a changed body", code: "SignatureDoesNotMatch") { $0.body.append(32) },
        Forgery(
            name: "a changed target",
            code: "SignatureDoesNotMatch",
            change: edit("x-amz-target") { $0.replacing("ListMetrics", with: "GetMetricData") }
        ),
        Forgery(
            name: "a changed date",
            code: "SignatureDoesNotMatch",
            change: edit("x-amz-date") { $0.replacing("T120000Z", with: "T120001Z") }
        ),
        Forgery(
            name: "no date",
            code: "IncompleteSignature",
            change: edit("x-amz-date") { _ in nil }
        ),
        Forgery(
            name: "the host left out of the signature",
            code: "SignatureDoesNotMatch",
            change: edit("authorization") { $0.replacing("host;", with: "") }
        ),
        Forgery(
            name: "another service's scope",
            code: "SignatureDoesNotMatch",
            change: edit("authorization") { $0.replacing("/monitoring/", with: "/sts/") }
        ),
    ]

    @Test(arguments: forgeries) func forgery(_ one: Forgery) {
        let response = caller().call("ListMetrics", "{}", change: one.change)
        let code = response.headers.first { $0.name == "x-amzn-query-error" }?.value
        #expect(code == "\(one.code);Sender")
    }

    @Test func wrongSecretsOldDatesAndMissingTokensAreRefused() {
        var other = caller()
        other.key.secretAccessKey = "wrong"
        #expect(other.call("ListMetrics", "{}").status == 403)

        let skewed = caller()
        skewed.standIn.setClockOffset(.seconds(301))
        let response = skewed.call("ListMetrics", "{}")
        #expect(String(decoding: response.body, as: UTF8.self).contains("Signature expired"))
        #expect(
            response.headers.first { $0.name == "Date" }?.value == "Sun, 01 Mar 2026 12:05:01 GMT"
        )
        skewed.standIn.setClockOffset(.seconds(-299))
        #expect(skewed.call("ListMetrics", "{}").status == 200)

        let key = StandInKey(
            accessKeyID: "AKIDSTANDIN",
            secretAccessKey: "stand-in-secret",
            sessionToken: "token"
        )
        let standIn = CloudWatchStandIn(keys: [key], clock: clock)
        #expect(
            StandInCaller(standIn: standIn, clock: clock).call("ListMetrics", "{}").status == 403
        )
        #expect(
            StandInCaller(standIn: standIn, clock: clock, key: key).call("ListMetrics", "{}").status
                == 200
        )
    }

    @Test func faultsComeOnDemandAndOnlyThatOften() throws {
        let caller = caller()
        let start = clock.now() - minute * 10
        for index in 0..<4 {
            caller.standIn.record(Self.latency, [Double(index)], at: start + minute * index)
        }
        let body = data([query("Sum")], from: start, to: start + minute * 4)
        func result() throws -> WireMetricDataResult? {
            try caller.json("GetMetricData", body, as: GetMetricDataOutput.self).results?.first
        }
        caller.standIn.inject(.throttling, on: "GetMetricData", times: 2)
        #expect(caller.call("ListMetrics", "{}").status == 200)
        #expect(caller.call("GetMetricData", body).status == 400)
        #expect(caller.call("GetMetricData", body).status == 400)
        #expect(caller.standIn.refusals == ["Throttling": 2])
        caller.standIn.inject(.partialData(metricName: "TargetResponseTime"))
        #expect(try result()?.statusCode == "PartialData")
        caller.standIn.inject(.internalError(metricName: "TargetResponseTime"))
        #expect(try result()?.values == [])
        caller.standIn.inject(.forbidden(metricName: "TargetResponseTime"))
        #expect(try result()?.statusCode == "Forbidden")
        caller.standIn.inject(.fail(status: 503))
        #expect(caller.call("GetMetricData", body).status == 503)
        caller.standIn.inject(.truncatedReply)
        #expect(throws: (any Error).self) { try result() }
        #expect(try result()?.values?.count == 4)
    }

    @Test func theStoreHasLimits() throws {
        var limits = CloudWatchStandIn.Limits()
        limits.metricsMax = 1
        limits.secondsPerMetricMax = 3
        let caller = caller(limits)
        let start = clock.now() - minute * 10
        for index in 0..<5 {
            #expect(caller.standIn.record(Self.latency, [1], at: start + minute * index))
        }
        #expect(caller.standIn.forgottenSeconds == 2)
        let body = data([query("Sum")], from: start, to: start + minute * 5)
        let reply = try caller.json("GetMetricData", body, as: GetMetricDataOutput.self)
        #expect(reply.results?.first?.values == [1, 1, 1])
        #expect(!caller.standIn.record(Self.latency.renamed("Other"), [1], at: start))
    }

    @Test func singleValuesAreLimitedToo() throws {
        var limits = CloudWatchStandIn.Limits()
        limits.valuesPerMetricMax = 250
        let caller = caller(limits)
        let start = clock.now() - minute * 10
        for index in 0..<5 {
            caller.standIn.record(
                Self.latency,
                Array(repeating: 1, count: 100),
                at: start + minute * index
            )
        }
        #expect(caller.standIn.forgottenSeconds == 3)
        let body = data([query("SampleCount")], from: start, to: start + minute * 5)
        let reply = try caller.json("GetMetricData", body, as: GetMetricDataOutput.self)
        #expect(reply.results?.first?.values == [100, 100])
    }
}
