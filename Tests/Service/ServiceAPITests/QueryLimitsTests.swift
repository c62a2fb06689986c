import HTTPServer
import MetricStore
import Model
import PromQL
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timekeeping

@testable import ServiceAPI

@Suite struct QueryLimitsTests {
    /// A source that takes its time by a clock of its own.
    private final class SlowSource: SeriesReading {
        let nanoseconds = Atomic<UInt64>(1)
        let isStopping = Atomic(false)
        let secondsPerRead: UInt64
        let stopsOnRead: Bool

        init(secondsPerRead: UInt64, stopsOnRead: Bool = false) {
            self.secondsPerRead = secondsPerRead
            self.stopsOnRead = stopsOnRead
        }

        func select(
            _ selection: SeriesSelection,
            sampleLimit: Int
        ) throws(SeriesReadingError) -> [SeriesSamples] {
            nanoseconds.add(secondsPerRead * 1_000_000_000, ordering: .relaxed)
            if stopsOnRead { isStopping.store(true, ordering: .relaxed) }
            return [SeriesSamples(labels: ["a": "b"], samples: [Sample(selection.range.end, 1)])]
        }

        func labelSets(_ selection: SeriesSelection) throws(SeriesReadingError) -> [LabelSet] { [] }
    }

    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var target: String
        var secondsPerRead: UInt64
        var stopsOnRead = false
        var outcome: String
        var status: Int
    }

    static let cases: [Case] = [
        Case(
            testDescription: "in time",
            target: "query?query=m + n",
            secondsPerRead: 1,
            outcome: "success",
            status: 200
        ),
        Case(
            testDescription: "over its own timeout",
            target: "query?query=m + n&timeout=5",
            secondsPerRead: 5,
            outcome: "timeout",
            status: 503
        ),
        Case(
            testDescription: "within its own timeout",
            target: "query?query=m + n&timeout=5s",
            secondsPerRead: 2,
            outcome: "success",
            status: 200
        ),
        Case(
            testDescription: "over two minutes",
            target: "query?query=m + n",
            secondsPerRead: 120,
            outcome: "timeout",
            status: 503
        ),
        Case(
            testDescription: "a longer timeout does not help",
            target: "query?query=m + n&timeout=1h",
            secondsPerRead: 120,
            outcome: "timeout",
            status: 503
        ),
        Case(
            testDescription: "a range query",
            target: "query_range?query=m + n&start=0&end=9&step=1",
            secondsPerRead: 120,
            outcome: "timeout",
            status: 503
        ),
        Case(
            testDescription: "the service stops",
            target: "query?query=m + n",
            secondsPerRead: 1,
            stopsOnRead: true,
            outcome: "unavailable",
            status: 503
        ),
        Case(
            testDescription: "no expression",
            target: "query?query=",
            secondsPerRead: 1,
            outcome: "bad_data",
            status: 400
        ),
    ]

    @Test(arguments: cases) func endsAndCountsQueries(_ one: Case) async throws {
        let source = SlowSource(secondsPerRead: one.secondsPerRead, stopsOnRead: one.stopsOnRead)
        let metrics = MetricsRegistry()
        let routes = QueryRoutes(
            source: source,
            clock: ManualClock(),
            monotonic: { source.nanoseconds.load(ordering: .relaxed) },
            isStopping: { source.isStopping.load(ordering: .relaxed) },
            metrics: metrics
        ).routes
        let response = try await RouteCall(routes: routes).answer("GET", "/api/v1/\(one.target)")
        #expect(response.status == one.status)
        if one.status != 200 { #expect(response.text.contains(#""errorType":"\#(one.outcome)""#)) }
        let type = one.target.hasPrefix("query_range") ? "range" : "instant"
        let text = metrics.exposition(.text)
        #expect(
            text.contains(#"tocsin_queries_total{outcome="\#(one.outcome)",type="\#(type)"} 1"#)
        )
        let evaluated = one.outcome == "bad_data" ? 0 : 1
        #expect(
            text.contains(
                #"prometheus_engine_query_duration_seconds_count{slice="inner_eval"} \#(evaluated)"#
            )
        )
    }

    @Test func samplesAndStepsHaveLimitsToo() async throws {
        let rig = try APIRig()
        rig.put(["__name__": "up"], [1, 2, 3, 4])
        var limits = QueryLimits()
        limits.stepsMax = 2
        let routes = QueryRoutes(
            source: rig.store,
            settings: .init(sampleLimit: 3),
            limits: limits,
            clock: rig.clock,
            metrics: rig.metrics
        ).routes
        let samples = try await RouteCall(routes: routes).answer(
            "GET",
            "/api/v1/query?query=sum_over_time(up[10m])"
        )
        #expect(samples.status == 422)
        #expect(samples.text.contains("too many samples"))
        let steps = try await RouteCall(routes: routes).answer(
            "GET",
            "/api/v1/query_range?query=up&start=0&end=3&step=1"
        )
        #expect(steps.status == 400)
        #expect(steps.text.contains("exceeded maximum resolution of 2 points"), "\(steps.text)")
    }

    @Test func aStoppedStoreIsUnavailable() async throws {
        let rig = try APIRig()
        rig.store.stop()
        for target in ["series?match[]=up", "labels", "label/job/values"] {
            let response = try await rig.calls.answer("GET", "/api/v1/\(target)")
            PrometheusAnswer.failure(503, "unavailable", "the metric store is stopping")
                .expect(response, target)
        }
    }
}
