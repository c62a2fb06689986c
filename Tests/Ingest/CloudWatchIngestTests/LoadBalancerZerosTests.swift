import CloudWatchIngest
import Model
import Testing
import Timekeeping

/// When silence of a load balancer's counter is zero, and when it is not.
@Suite struct LoadBalancerZerosTests {
    static let start = Timestamp(year: 2026, month: 3, day: 1)

    static func key(_ name: String, statistic: CloudWatchStatistic = .plain(.sum)) -> QueryKey {
        QueryKey(
            metric: CloudWatchMetric("AWS/ApplicationELB", name, ["LoadBalancer": "app/web/1"]),
            statistic: statistic,
            period: .seconds(60)
        )
    }

    struct Case: CustomTestStringConvertible, Sendable {
        var name: String
        /// Minutes with a point, by metric; a metric that is missing was not read completely.
        var points: [String: [Int]]
        var zeros: [String: [Int]]
        var testDescription: String { name }
    }

    static let cases = [
        Case(
            name: "a code without errors in minutes with requests",
            points: ["RequestCount": [0, 1, 2], "HTTPCode_Target_5XX_Count": [1]],
            zeros: ["HTTPCode_Target_5XX_Count": [0, 2]]
        ),
        Case(
            name: "no traffic stays empty",
            points: ["RequestCount": [], "HTTPCode_Target_5XX_Count": []],
            zeros: [:]
        ),
        Case(
            name: "a code that was not read completely is no zero",
            points: ["RequestCount": [0, 1]],
            zeros: [:]
        ),
        Case(
            name: "requests that were not read completely say nothing",
            points: ["HTTPCode_Target_5XX_Count": []],
            zeros: [:]
        ),
        Case(
            name: "all requests fail at the load balancer",
            points: [
                "RequestCount": [], "HTTPCode_ELB_5XX_Count": [0, 1],
                "HTTPCode_Target_5XX_Count": [],
            ],
            zeros: ["RequestCount": [0, 1], "HTTPCode_Target_5XX_Count": [0, 1]]
        ),
        Case(
            name: "a request count behind its answers is late, not zero",
            points: [
                "RequestCount": [0], "HTTPCode_Target_4XX_Count": [0, 1],
                "HTTPCode_ELB_5XX_Count": [1],
            ],
            zeros: ["HTTPCode_ELB_5XX_Count": [0]]
        ),
    ]

    @Test(arguments: cases) func zeros(_ one: Case) {
        let results = Dictionary(
            uniqueKeysWithValues: one.points.map { name, minutes in
                (
                    Self.key(name),
                    (
                        start: Self.start,
                        samples: minutes.map { Sample(Self.start + .seconds(60 * $0), 5) }
                    )
                )
            }
        )
        let found = LoadBalancerZeros.zeros(in: results)
        #expect(found.values.allSatisfy { $0.allSatisfy { $0.value == 0 } })
        let minutes = Dictionary(
            uniqueKeysWithValues: found.map { key, samples in
                (
                    key.metric.name,
                    samples.map { Int(($0.timestamp - Self.start).milliseconds / 60000) }
                )
            }
        )
        #expect(minutes == one.zeros)
    }

    @Test func zerosAreWrittenOnlyWithinACountersOwnRange() {
        let minutes = (0..<5).map { Sample(Self.start + .seconds(60 * $0), 9) }
        let errors = Self.key("HTTPCode_Target_5XX_Count")
        let found = LoadBalancerZeros.zeros(in: [
            Self.key("RequestCount"): (Self.start, minutes),
            errors: (Self.start + .seconds(180), []),
        ])
        #expect(found.keys.map(\.self) == [errors])
        #expect(found[errors]?.map(\.timestamp) == minutes.suffix(2).map(\.timestamp))
    }

    @Test func otherMetricsStatisticsAndResourcesAreNotTouched() {
        let other = QueryKey(
            metric: CloudWatchMetric(
                "AWS/ApplicationELB",
                "HTTPCode_Target_5XX_Count",
                ["LoadBalancer": "app/other/2"]
            ),
            statistic: .plain(.sum),
            period: .seconds(60)
        )
        let found = LoadBalancerZeros.zeros(in: [
            Self.key("RequestCount"): (Self.start, [Sample(Self.start, 1)]),
            Self.key("TargetResponseTime", statistic: .upTo(.percentile, "99")): (Self.start, []),
            Self.key("HTTPCode_Target_5XX_Count", statistic: .plain(.average)): (Self.start, []),
            other: (Self.start, []),
        ])
        #expect(found.isEmpty)
        #expect(LoadBalancerZeros.companion(of: Self.key("TargetResponseTime")) == nil)
        #expect(LoadBalancerZeros.companion(of: Self.key("RequestCount")) == nil)
        #expect(
            LoadBalancerZeros.companion(of: Self.key("HTTPCode_ELB_5XX_Count"))
                == Self.key("RequestCount")
        )
    }

    @Test func theBalancersOwnCodesAreNotKeptByTargetGroup() {
        let metric = CloudWatchMetric(
            "AWS/ApplicationELB",
            "RequestCount",
            ["LoadBalancer": "app/web/1", "TargetGroup": "targetgroup/a/1"]
        )
        let names = Set(LoadBalancerZeros.unlisted(beside: [metric]).map(\.name))
        #expect(names.contains("HTTPCode_Target_5XX_Count"))
        #expect(!names.contains("HTTPCode_ELB_5XX_Count"))
    }
}
