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

/// Zeros of counters that load balancers keep silent about, whatever comes first.
@Suite struct SilentCountersTests {
    typealias Bench = FirehoseBench

    static let names = ["request_count", "httpcode_target_5xx_count", "httpcode_elb_5xx_count"]
        .map { "aws_applicationelb_\($0)_sum" }

    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        /// Requests of counters, `NAME minute sum`.
        var requests: [[String]]
        var requestCount = ""
        var target = ""
        var balancer = ""
    }

    static let cases: [Case] = [
        Case(
            testDescription: "a minute without errors",
            requests: [["RequestCount 0 9", "HTTPCode_Target_2XX_Count 0 9"]],
            requestCount: "0=9.0",
            target: "0=0.0",
            balancer: "0=0.0"
        ),
        Case(
            testDescription: "errors in the same request",
            requests: [["HTTPCode_Target_5XX_Count 0 3", "RequestCount 0 9"]],
            requestCount: "0=9.0",
            target: "0=3.0",
            balancer: "0=0.0"
        ),
        Case(
            testDescription: "errors that came before",
            requests: [
                ["HTTPCode_Target_5XX_Count 0 3"],
                ["RequestCount 0 9", "HTTPCode_Target_2XX_Count 0 6"],
            ],
            requestCount: "0=9.0",
            target: "0=3.0",
            balancer: "0=0.0"
        ),
        Case(
            testDescription: "errors that come later",
            requests: [
                ["RequestCount 0 9", "HTTPCode_Target_2XX_Count 0 6"],
                ["HTTPCode_Target_5XX_Count 0 3"],
                ["HTTPCode_Target_2XX_Count 0 6"],
            ],
            requestCount: "0=9.0",
            target: "0=3.0",
            balancer: "0=0.0"
        ),
        Case(
            testDescription: "only the balancer answered: no request reached a target",
            requests: [["HTTPCode_ELB_5XX_Count 0 4"]],
            requestCount: "0=0.0",
            target: "0=0.0",
            balancer: "0=4.0"
        ),
        Case(
            testDescription: "targets answered, so RequestCount is late and not zero",
            requests: [["HTTPCode_Target_2XX_Count 0 4"]],
            requestCount: "",
            target: "0=0.0",
            balancer: "0=0.0"
        ),
        Case(
            testDescription: "a stream without the codes knows nothing of them",
            requests: [["RequestCount 0 9"]],
            requestCount: "0=9.0"
        ),
        Case(
            testDescription: "minutes of their own, and none between",
            requests: [
                ["HTTPCode_Target_2XX_Count 2 1", "RequestCount 2 1", "RequestCount 1 1"],
                ["HTTPCode_Target_2XX_Count 0 1", "HTTPCode_Target_5XX_Count 2 7"],
            ],
            requestCount: "1=1.0 2=1.0",
            target: "0=0.0 2=7.0",
            balancer: "0=0.0 2=0.0"
        ),
    ]

    @Test(arguments: cases) func zeros(_ one: Case) throws {
        let bench = try Bench(Self.names)
        for request in one.requests {
            let updates = request.map { text in
                let parts = text.split(separator: " ")
                return Bench.counter(
                    String(parts[0]),
                    minute: Int64(parts[1]) ?? 0,
                    Int(parts[2]) ?? 0
                )
            }
            #expect(try bench.deliver(updates.joined()).status == 200)
        }
        let label = #"{dimension_LoadBalancer="app/web/1"} "#
        let wanted = zip(Self.names, [one.requestCount, one.target, one.balancer])
            .filter { !$1.isEmpty }.map { $0 + label + $1 }
        #expect(try bench.stored() == wanted.sorted())
    }

    @Test func theyMayBeTurnedOff() throws {
        let bench = try Bench(Self.names, settings: .init(fillsZeros: false))
        _ = try bench.deliver(Bench.counter("HTTPCode_Target_2XX_Count", 4))
        #expect(try bench.stored() == [])
    }

    @Test func aFullStoreGetsThemWithTheRest() throws {
        let bench = try Bench(Self.names)
        bench.door.full.withLock { $0 = 1 }
        let update = Bench.counter("HTTPCode_Target_2XX_Count", 4)
        #expect(try bench.deliver(update).status == 503)
        #expect(try bench.stored() == [])
        #expect(try bench.deliver(update).status == 200)
        #expect(try bench.stored().count == 2)
    }
}
