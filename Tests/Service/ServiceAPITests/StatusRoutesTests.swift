import HTTPServer
import MetricStore
import Model
import Synchronization
import TestSupport
import Testing
import Timekeeping

@testable import ServiceAPI

@Suite struct StatusRoutesTests {
    private static let loading = StatusRoutes.Loading(
        settingsText: """
            server: {listen: 127.0.0.1:9467}
            store: {path: "${DATA}"}
            # https://ann:pw@example.test
            """,
        isCurrent: false,
        at: APIRig.now - .seconds(60)
    )

    private static let calls = RouteCall(
        routes: StatusRoutes(
            process: StatusRoutes.Process(
                startedAt: APIRig.now - .milliseconds(3_600_250),
                workingFolder: "/srv",
                hostname: "box",
                processors: 2,
                retention: .seconds(6 * 3600),
                flags: ["web.listen-address": "127.0.0.1:9467", "config.file": "tocsin.yaml"]
            ),
            loading: { loading },
            statistics: {
                MetricStoreStatistics(
                    series: 3,
                    seriesMax: 500_000,
                    samples: 70,
                    evictedSamples: 5,
                    bytes: 4096,
                    bytesMax: 2 << 30,
                    labelNames: 4,
                    labelPairs: 9,
                    topMetrics: [.init(name: "up", series: 2), .init(name: "down", series: 1)]
                )
            },
            labelSets: {
                [
                    ["__name__": "up", "job": "api"], ["__name__": "up", "job": "db"],
                    ["__name__": "down", "job": "api"],
                ]
            },
            clock: ManualClock(APIRig.now)
        ).routes
    )

    struct Case: CustomTestStringConvertible, Sendable {
        var target: String
        var answer: PrometheusAnswer

        var testDescription: String { target }
    }

    private static func store(
        _ metrics: String,
        _ values: String,
        _ bytes: String,
        _ pairs: String
    ) -> PrometheusAnswer {
        .data(
            #"{"headStats":{"numSeries":3,"numLabelPairs":9,"numSamples":70,"bytes":4096,"seriesLimit":500000,"#
                + #""bytesLimit":2147483648},"seriesCountByMetricName":[\#(metrics)],"#
                + #""labelValueCountByLabelName":[\#(values)],"memoryInBytesByLabelName":[\#(bytes)],"#
                + #""seriesCountByLabelValuePair":[\#(pairs)]}"#
        )
    }

    static let cases: [Case] = [
        Case(
            target: "status/config",
            answer: .data(
                #"{"yaml":"server: {listen: 127.0.0.1:9467}\nstore: {path: \"${DATA}\"}\n# https://ann:<secret>@example.test"}"#
            )
        ),
        Case(
            target: "status/flags",
            answer: .data(#"{"config.file":"tocsin.yaml","web.listen-address":"127.0.0.1:9467"}"#)
        ),
        Case(
            target: "status/runtimeinfo",
            answer: .data(
                #"{"startTime":"2023-11-14T21:13:19.750Z","CWD":"/srv","hostname":"box","#
                    + #""serverTime":"2023-11-14T22:13:20Z","reloadConfigSuccess":false,"#
                    + #""lastConfigTime":"2023-11-14T22:12:20Z","corruptionCount":0,"GOMAXPROCS":2,"storageRetention":"6h"}"#
            )
        ),
        Case(
            target: "status/tsdb",
            answer: store(
                #"{"name":"up","value":2},{"name":"down","value":1}"#,
                #"{"name":"__name__","value":2},{"name":"job","value":2}"#,
                #"{"name":"__name__","value":6},{"name":"job","value":5}"#,
                #"{"name":"__name__=up","value":2},{"name":"job=api","value":2},"#
                    + #"{"name":"__name__=down","value":1},{"name":"job=db","value":1}"#
            )
        ),
        Case(
            target: "status/tsdb?limit=1",
            answer: store(
                #"{"name":"up","value":2}"#,
                #"{"name":"__name__","value":2}"#,
                #"{"name":"__name__","value":6}"#,
                #"{"name":"__name__=up","value":2}"#
            )
        ),
        Case(
            target: "status/tsdb?limit=x",
            answer: .failure(
                400,
                "bad_data",
                #"invalid parameter "limit": cannot parse "x" to a whole number"#
            )
        ),
        Case(target: "query_exemplars?query=up&start=0&end=1", answer: .data("[]")),
    ]

    @Test(arguments: cases) func answers(_ one: Case) async throws {
        one.answer.expect(try await Self.calls.answer("GET", "/api/v1/\(one.target)"), "GET")
    }

    @Test func aStoreSaysWhatItHolds() async throws {
        let rig = try APIRig()
        rig.put(["__name__": "up", "job": "api"], [1, 1])
        let store = rig.store
        let routes = StatusRoutes(
            process: .init(
                startedAt: APIRig.now,
                workingFolder: "",
                hostname: "",
                processors: 1,
                retention: .seconds(60),
                flags: [:]
            ),
            loading: { Self.loading },
            statistics: { store.statistics },
            labelSets: { [] },
            clock: rig.clock
        ).routes
        let text = try await RouteCall(routes: routes).answer("GET", "/api/v1/status/tsdb").text
        #expect(text.contains(#""numSeries":1,"numLabelPairs":2,"numSamples":2"#), "\(text)")
        #expect(text.contains(#""seriesCountByMetricName":[{"name":"up","value":1}]"#), "\(text)")
    }
}
