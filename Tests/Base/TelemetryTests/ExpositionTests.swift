import Telemetry
import Testing

@Suite struct ExpositionTests {
    private func registry() -> MetricsRegistry {
        let registry = MetricsRegistry()
        registry.counter("requests", help: "Requests.", labels: [("code", "500"), ("a", "x")])
            .add(3)
        registry.gauge("depth", help: "Depth\nof the \\queue.").set(1.5)
        let times = registry.histogram("time_seconds", help: "Times.", bounds: [0.1, 1])
        for value in [0.05, 0.5, 0.5, 7] { times.observe(value) }
        registry.collect {
            [
                MetricFamily(
                    "budget",
                    help: "Left.",
                    kind: .gauge,
                    points: [
                        MetricPoint([("slo", "say \"hi\"\n\\")], -.infinity),
                        MetricPoint([("slo", "b")], .nan),
                    ]
                )
            ]
        }
        return registry
    }

    @Test func prometheusText() {
        #expect(
            registry().exposition(.text) == #"""
                # HELP budget Left.
                # TYPE budget gauge
                budget{slo="say \"hi\"\n\\"} -Inf
                budget{slo="b"} NaN
                # HELP depth Depth\nof the \\queue.
                # TYPE depth gauge
                depth 1.5
                # HELP requests_total Requests.
                # TYPE requests_total counter
                requests_total{a="x",code="500"} 3
                # HELP time_seconds Times.
                # TYPE time_seconds histogram
                time_seconds_bucket{le="0.1"} 1
                time_seconds_bucket{le="1"} 3
                time_seconds_bucket{le="+Inf"} 4
                time_seconds_sum 8.05
                time_seconds_count 4

                """#
        )
    }

    @Test func openMetricsNamesTheFamilyWithoutTotalAndEnds() {
        let text = registry().exposition(.openMetrics)
        #expect(
            text.contains("# TYPE requests counter\nrequests_total{a=\"x\",code=\"500\"} 3.0\n")
        )
        #expect(text.contains("time_seconds_bucket{le=\"1.0\"} 3.0\n"))
        #expect(text.hasSuffix("# EOF\n"))
    }

    @Test func oneNameAndLabelSetIsOneInstrument() {
        let registry = MetricsRegistry()
        registry.counter("c", help: "C.", labels: [("a", "1"), ("b", "2")]).add()
        registry.counter("c", help: "C.", labels: [("b", "2"), ("a", "1")]).add(2)
        #expect(registry.exposition(.text).contains("c_total{a=\"1\",b=\"2\"} 3\n"))
    }

    struct Offer: CustomTestStringConvertible {
        let accept: String?
        let isOpenMetrics: Bool
        var testDescription: String { accept ?? "no Accept" }
    }

    @Test(arguments: [
        Offer(accept: nil, isOpenMetrics: false),
        Offer(accept: "*/*", isOpenMetrics: false),
        Offer(accept: "text/html", isOpenMetrics: false),
        Offer(accept: "application/openmetrics-text", isOpenMetrics: true),
        Offer(accept: "application/openmetrics-text; version=2.0.0", isOpenMetrics: false),
        Offer(
            accept:
                "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5",
            isOpenMetrics: true
        ),
        Offer(
            accept: "application/openmetrics-text;version=1.0.0;q=0.2,text/plain;q=0.5",
            isOpenMetrics: false
        ),
    ])
    func theBestOfferThatIsKnownIsTaken(_ offer: Offer) {
        let format = ExpositionFormat(accept: offer.accept)
        #expect(format.contentType.hasPrefix("application/openmetrics-text") == offer.isOpenMetrics)
    }
}
