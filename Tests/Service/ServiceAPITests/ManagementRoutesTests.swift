import HTTPServer
import Synchronization
import Telemetry
import Testing

@testable import ServiceAPI

@Suite struct ManagementRoutesTests {
    private static func calls(
        _ readiness: ServiceReadiness = ServiceReadiness(),
        _ metrics: MetricsRegistry = MetricsRegistry(),
        reload: @escaping @Sendable () async -> String? = { nil }
    ) -> RouteCall {
        RouteCall(
            routes: ManagementRoutes(readiness: readiness, metrics: metrics, reload: reload).routes
        )
    }

    @Test func healthIsThatItAnswers() async throws {
        let response = try await Self.calls().answer("GET", "/-/healthy")
        #expect(response.status == 200)
        #expect(response.text == "Tocsin is healthy.\n")
    }

    @Test func readinessSaysWhatIsMissing() async throws {
        let readiness = ServiceReadiness()
        let calls = Self.calls(readiness)
        func answer() async throws -> (Int, String) {
            let response = try await calls.answer("GET", "/-/ready")
            return (response.status, response.text)
        }
        #expect(try await answer() == (503, "Tocsin is not ready: starting.\n"))
        #expect(!readiness.isStopping)
        readiness.becomeReady()
        #expect(try await answer() == (200, "Tocsin is ready.\n"))
        readiness.stop()
        #expect(try await answer() == (503, "Tocsin is not ready: stopping.\n"))
        #expect(readiness.isStopping)
    }

    @Test(arguments: ["POST", "PUT"]) func reloadTellsWhatIsWrong(_ method: String) async throws {
        let good = try await Self.calls().answer(method, "/-/reload")
        #expect(good.status == 200)
        #expect(good.body.isEmpty)
        let bad = try await Self.calls { "rules.yaml:3:5: unknown key \"alrt\"" }
            .answer(method, "/-/reload")
        #expect(bad.status == 500)
        #expect(bad.header("Content-Type") == "text/plain; charset=utf-8")
        #expect(
            bad.text == """
                not reloaded; what was running goes on:
                rules.yaml:3:5: unknown key "alrt"

                """
        )
    }

    @Test func metricsComeInTheFormatAskedFor() async throws {
        let metrics = MetricsRegistry()
        metrics.counter("tocsin_tries", help: "Tries.", labels: [("kind", "a\"b")]).add(3)
        metrics.gauge("tocsin_level", help: "A level.").set(1.5)
        let calls = Self.calls(ServiceReadiness(), metrics)
        let text = try await calls.answer("GET", "/metrics")
        #expect(text.status == 200)
        #expect(text.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
        #expect(
            text.text == """
                # HELP tocsin_level A level.
                # TYPE tocsin_level gauge
                tocsin_level 1.5
                # HELP tocsin_tries_total Tries.
                # TYPE tocsin_tries_total counter
                tocsin_tries_total{kind="a\\"b"} 3

                """
        )
        let open = try await calls.answer(
            "GET",
            "/metrics",
            headers: [("accept", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")]
        )
        #expect(
            open.header("Content-Type")
                == "application/openmetrics-text; version=1.0.0; charset=utf-8"
        )
        #expect(
            open.text == """
                # HELP tocsin_level A level.
                # TYPE tocsin_level gauge
                tocsin_level 1.5
                # HELP tocsin_tries Tries.
                # TYPE tocsin_tries counter
                tocsin_tries_total{kind="a\\"b"} 3.0
                # EOF

                """
        )
    }

    @Test func theBuildNamesTheProduct() async throws {
        let response = try await Self.calls().answer("GET", "/api/v1/status/buildinfo")
        #expect(response.status == 200)
        #expect(response.text.contains(#""product":"Tocsin""#))
        #expect(response.text.contains(#""version":"0.1.0""#))
    }
}
