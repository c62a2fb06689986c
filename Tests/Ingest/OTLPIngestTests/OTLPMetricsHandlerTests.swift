import Compression
import HTTPServer
import Ingest
import Model
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timekeeping

@testable import OTLPIngest

@Suite struct OTLPMetricsHandlerTests {
    let clock = ManualClock(Timestamp(milliseconds: 10_000))
    let door = Door()
    let registry = MetricsRegistry()
    let sources: SourceRegistry
    let handler: OTLPMetricsHandler

    init() {
        sources = SourceRegistry(clock: clock, metrics: registry)
        handler = OTLPMetricsHandler(
            settings: OTLPMetricsSettings(deltaSeriesMax: 3, promoted: ["k8s.cluster.name"]),
            admission: door,
            sources: sources,
            catalogue: MetadataCatalogue(metrics: registry),
            clock: clock,
            metrics: registry
        )
    }

    /// Keeps samples as text, or turns everything away.
    final class Door: SampleAdmitting {
        private let taken = Mutex<[String]>([])
        private let isFull = Mutex(false)

        func admit(_ batch: SampleBatch, from source: String) -> AdmissionOutcome {
            guard !isFull.withLock({ $0 }) else {
                return .overloaded(retryAfter: .milliseconds(1500), reason: "full")
            }
            taken.withLock { $0 += batch.texts }
            var result = AppendResult()
            result.accepted = batch.sampleCount
            return .admitted(result)
        }

        func fill(_ full: Bool) { isFull.withLock { $0 = full } }

        func drain() -> [String] {
            taken.withLock { taken in
                defer { taken = [] }
                return taken.sorted()
            }
        }
    }

    func post(
        _ body: String,
        type: String = "application/json",
        encoding: String? = nil
    ) throws -> HTTPResponse {
        var bytes = Array(body.utf8)
        var headers = [("content-type", type)]
        if let encoding {
            headers.append(("content-encoding", encoding))
            if encoding == "gzip" { bytes = try Gzip.compress(bytes.span) }
        }
        return handler.handle(
            HTTPRequest(method: "POST", path: "/v1/metrics", headers: headers, body: bytes)
        )
    }

    func request(_ metrics: String, resource: String = "") -> String {
        """
        {"resourceMetrics": [{"resource": {"attributes": [\(resource)]},
          "scopeMetrics": [{"scope": {"name": "s"}, "metrics": [\(metrics)]}]}]}
        """
    }

    static let service = """
        {"key": "service.name", "value": {"stringValue": "cart"}},
        {"key": "service.namespace", "value": {"stringValue": "shop"}},
        {"key": "service.instance.id", "value": {"stringValue": "i1"}}
        """

    @Test func gaugesAndSums() throws {
        let response = try post(
            request(
                """
                {"name": "temp", "unit": "Cel", "gauge": {"dataPoints": [
                  {"attributes": [{"key": "room.name", "value": {"stringValue": "a"}}],
                   "timeUnixNano": "5000000000", "asDouble": 21.5},
                  {"timeUnixNano": "5000999999", "asInt": "-3"},
                  {"attributes": [{"key": "gone", "value": {"boolValue": true}}],
                   "timeUnixNano": 5000000000, "flags": 1}]}},
                {"name": "requests", "sum": {"aggregationTemporality": 2, "isMonotonic": true,
                  "dataPoints": [{"timeUnixNano": "5000000000", "asInt": 7}]}},
                {"name": "queue", "unit": "1", "sum": {"aggregationTemporality": 2,
                  "dataPoints": [{"timeUnixNano": "5000000000", "asDouble": "NaN"}]}}
                """,
                resource: Self.service
                    + #", {"key": "k8s.cluster.name", "value": {"stringValue": "c1"}}"#
            )
        )
        #expect(response.status == 200)
        #expect(String(decoding: response.body, as: UTF8.self) == #"{"partialSuccess":{}}"#)
        let tail = #"instance="i1", job="shop/cart""#
        let cluster = #"k8s_cluster_name="c1""#
        #expect(
            door.drain()
                == [
                    #"queue{\#(tail), \#(cluster)} nan @5000"#,
                    #"requests_total{\#(tail), \#(cluster)} 7.0 @5000"#,
                    #"target_info{\#(tail), \#(cluster)} 1.0 @5000"#,
                    #"temp_celsius{gone="true", \#(tail), \#(cluster)} stale @5000"#,
                    #"temp_celsius{\#(tail), \#(cluster), room_name="a"} 21.5 @5000"#,
                    #"temp_celsius{\#(tail), \#(cluster)} -3.0 @5000"#,
                ].sorted()
        )
    }

    @Test func histogramsAndSummaries() throws {
        let response = try post(
            request(
                """
                {"name": "took", "unit": "s", "histogram": {"aggregationTemporality": 2, "dataPoints": [
                  {"timeUnixNano": "5000000000", "count": "6", "sum": 12.5,
                   "bucketCounts": ["1", 2, "3"], "explicitBounds": [0.005, 10]}]}},
                {"name": "size", "summary": {"dataPoints": [
                  {"timeUnixNano": "5000000000", "count": 2, "sum": 3, "quantileValues": [
                    {"quantile": 0.99, "value": 2}]}]}}
                """
            )
        )
        #expect(response.status == 200)
        #expect(
            door.drain() == [
                #"size_count 2.0 @5000"#, #"size_sum 3.0 @5000"#,
                #"size{quantile="0.99"} 2.0 @5000"#,
                #"took_seconds_bucket{le="+Inf"} 6.0 @5000"#,
                #"took_seconds_bucket{le="0.005"} 1.0 @5000"#,
                #"took_seconds_bucket{le="10"} 3.0 @5000"#, #"took_seconds_count 6.0 @5000"#,
                #"took_seconds_sum 12.5 @5000"#,
            ]
        )
    }

    func delta(_ value: Int, at seconds: Int, series: String = "a") -> String {
        request(
            """
            {"name": "hits", "sum": {"aggregationTemporality": 1, "isMonotonic": true, "dataPoints": [
              {"attributes": [{"key": "s", "value": {"stringValue": "\(series)"}}],
               "timeUnixNano": "\(seconds)000000000", "asInt": "\(value)"}]}}
            """
        )
    }

    @Test func deltaPointsAreAddedUpOnce() throws {
        _ = try post(delta(3, at: 1))
        _ = try post(delta(4, at: 2))
        // The same again, as after an answer that was lost.
        _ = try post(delta(4, at: 2))
        #expect(
            door.drain() == [#"hits_total{s="a"} 3.0 @1000"#, #"hits_total{s="a"} 7.0 @2000"#]
        )
        #expect(sources.statuses.first?.refused["repeated_delta"] == 1)
        // Turned away, it counts only when it comes again.
        door.fill(true)
        #expect(try post(delta(5, at: 3)).status == 503)
        door.fill(false)
        #expect(try post(delta(5, at: 3)).status == 200)
        #expect(door.drain() == [#"hits_total{s="a"} 12.0 @3000"#])
    }

    @Test func deltaSeriesHaveALimit() throws {
        for series in ["a", "b", "c"] { _ = try post(delta(1, at: 1, series: series)) }
        let response = try post(delta(1, at: 1, series: "d"))
        #expect(response.status == 200)
        let text = String(decoding: response.body, as: UTF8.self)
        #expect(text.contains(#""rejectedDataPoints":"1""#) && text.contains("max_delta_series"))
        #expect(sources.statuses.first?.refused["delta_limit"] == 1)
        // Series that were quiet for an hour make room.
        clock.set(Timestamp(milliseconds: 3_700_000))
        _ = try post(delta(1, at: 3700, series: "e"))
        #expect(door.drain().contains(#"hits_total{s="e"} 1.0 @3700000"#))
    }

    @Test func deltaHistogramsToo() throws {
        func body(_ seconds: Int) -> String {
            request(
                """
                {"name": "t", "histogram": {"aggregationTemporality": 1, "dataPoints": [
                  {"timeUnixNano": "\(seconds)000000000", "count": "3",
                   "bucketCounts": ["1", "2"], "explicitBounds": [1]}]}}
                """
            )
        }
        _ = try post(body(1))
        _ = door.drain()
        _ = try post(body(2))
        #expect(
            door.drain() == [
                #"t_bucket{le="+Inf"} 6.0 @2000"#, #"t_bucket{le="1"} 2.0 @2000"#,
                #"t_count 6.0 @2000"#,
            ]
        )
    }

    @Test(arguments: [
        (
            #"{"name": "e", "exponentialHistogram": {"dataPoints": [{}, {}]}}"#, 2,
            "metric e is an exponential histogram, which is not stored"
        ),
        (
            #"{"name": "s", "sum": {"dataPoints": [{"asInt": 1}]}}"#, 1,
            "set its aggregation temporality"
        ),
        (#"{"name": "", "gauge": {"dataPoints": [{"asInt": 1}]}}"#, 1, "a metric has no name"),
        (
            #"{"name": "h", "histogram": {"aggregationTemporality": 2, "dataPoints": [{"bucketCounts": [1], "explicitBounds": [1]}]}}"#,
            1, "send one bucket more than bounds"
        ),
    ])
    func pointsThatAreNotStoredAreToldOf(_ metric: String, _ count: Int, _ words: String) throws {
        let response = try post(request(metric))
        #expect(response.status == 200)
        let text = String(decoding: response.body, as: UTF8.self)
        #expect(text.contains(#""rejectedDataPoints":"\#(count)""#), "\(text)")
        #expect(text.contains(words), "\(text)")
        #expect(sources.statuses.first?.refused["unsupported"] == count)
    }

    @Test func refusals() throws {
        #expect(try post("{}", type: "text/plain").status == 415)
        #expect(try post("{}", encoding: "br").status == 415)
        #expect(try post("{", encoding: "gzip").status == 400)
        #expect(try post("[]").status == 400)
        #expect(try post("\u{1}", type: "application/x-protobuf").status == 400)
        #expect(try post("{}", encoding: "gzip").status == 200)
        door.fill(true)
        let full = try post(request(#"{"name": "a", "gauge": {"dataPoints": [{"asInt": 1}]}}"#))
        #expect(full.status == 503)
        #expect(full.headers.contains { $0 == ("Retry-After", "2") })
    }

    @Test func attributesOfOneNameAreJoined() throws {
        _ = try post(
            request(
                """
                {"name": "a", "gauge": {"dataPoints": [{"timeUnixNano": "1000000", "asInt": 1, "attributes": [
                  {"key": "x_y", "value": {"intValue": "2"}}, {"key": "x.y", "value": {"doubleValue": 1.0}},
                  {"key": "list", "value": {"arrayValue": {"values": [{"stringValue": "q"}, {"boolValue": false}]}}},
                  {"key": "map", "value": {"kvlistValue": {"values": [{"key": "k", "value": {"intValue": 1}}]}}},
                  {"key": "none", "value": {}}]}]}}
                """
            )
        )
        #expect(
            door.drain() == [#"a{list="[\"q\",false]", map="{\"k\":1}", x_y="1;2"} 1.0 @1"#]
        )
    }

    @Test(
        arguments: [
            (0.1, "0.1"), (10, "10"), (1e21, "1000000000000000000000"), (1.5e-7, "0.00000015"),
            (-2.5, "-2.5"), (123456789, "123456789"), (.infinity, "+Inf"),
            (.leastNonzeroMagnitude, "0." + String(repeating: "0", count: 323) + "5"),
            (1e16, "10000000000000000"), (1.2345e20, "123450000000000000000"),
        ] as [(Double, String)]
    )
    func bounds(_ value: Double, _ text: String) {
        #expect(OTLPTranslation.bound(value) == text)
    }
}
