import Ingest
import Telemetry
import Testing

@testable import ServiceAPI

@Suite struct MetadataRoutesTests {
    private static let up = #""up":[{"type":"gauge","help":"Whether it is up.","unit":""}]"#
    private static let twice =
        #"{"type":"counter","help":"Requests.","unit":""},{"type":"unknown","help":"Calls.","unit":"calls"}"#

    struct Case: CustomTestStringConvertible, Sendable {
        var target: String
        var answer: PrometheusAnswer

        var testDescription: String { target }
    }

    static let cases: [Case] = [
        Case(target: "", answer: .data(#"{"requests":[\#(twice)],\#(up)}"#)),
        Case(target: "?limit=-1", answer: .data(#"{"requests":[\#(twice)],\#(up)}"#)),
        Case(target: "?limit=1", answer: .data(#"{"requests":[\#(twice)]}"#)),
        Case(target: "?limit=0", answer: .data("{}")),
        Case(
            target: "?limit_per_metric=1",
            answer: .data(
                #"{"requests":[{"type":"counter","help":"Requests.","unit":""}],\#(up)}"#
            )
        ),
        Case(target: "?metric=up", answer: .data("{\(up)}")),
        Case(target: "?metric=down", answer: .data("{}")),
        Case(target: "?limit=x", answer: .failure(400, "bad_data", "limit must be a number")),
        Case(
            target: "?limit_per_metric=x",
            answer: .failure(400, "bad_data", "limit_per_metric must be a number")
        ),
    ]

    @Test(arguments: cases) func answers(_ one: Case) async throws {
        let catalogue = MetadataCatalogue(metrics: MetricsRegistry())
        let counter = MetricMetadata(kind: .counter, help: "Requests.", unit: "")
        catalogue.note("up", MetricMetadata(kind: .gauge, help: "Whether it is up.", unit: ""))
        catalogue.note("requests", counter)
        catalogue.note("requests", MetricMetadata(kind: .unknown, help: "Calls.", unit: "calls"))
        catalogue.note("requests", counter)
        let calls = RouteCall(routes: MetadataRoutes(catalogue: catalogue).routes)
        one.answer.expect(try await calls.answer("GET", "/api/v1/metadata\(one.target)"), "GET")
    }
}
