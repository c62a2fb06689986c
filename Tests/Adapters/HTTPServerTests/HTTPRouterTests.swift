import Testing

@testable import HTTPServer

@Suite struct HTTPRouterTests {
    private static let routes = [
        "GET /", "GET /metrics", "POST /_bulk", "POST /{index}/_bulk", "GET /v1/incidents",
        "GET /v1/incidents/{id}", "POST /v1/incidents/{id}/ack", "DELETE /v1/incidents/{which}",
        "GET /v1/incidents/latest", "GET /ui/*", "PUT /ui/{page}",
    ]

    struct Case: CustomTestStringConvertible, Sendable {
        var ask: String
        /// The route and its parameters, `405 ` with the methods, or `404`.
        var answer: String
        var testDescription: String { "\(ask) gives \(answer)" }
    }

    @Test(arguments: [
        Case(ask: "GET /", answer: "GET / "),
        Case(ask: "GET /metrics", answer: "GET /metrics "),
        Case(ask: "HEAD /metrics", answer: "GET /metrics "),
        Case(ask: "GET /metrics/", answer: "404"),
        Case(ask: "GET //metrics", answer: "404"),
        Case(ask: "POST /metrics", answer: "405 GET, HEAD, OPTIONS"),
        Case(ask: "POST /_bulk", answer: "POST /_bulk "),
        Case(ask: "POST /logs/_bulk", answer: "POST /{index}/_bulk index=logs"),
        Case(ask: "POST //_bulk", answer: "404"),
        Case(ask: "GET /v1/incidents", answer: "GET /v1/incidents "),
        Case(ask: "GET /v1/incidents/i-1", answer: "GET /v1/incidents/{id} id=i-1"),
        Case(ask: "GET /v1/incidents/latest", answer: "GET /v1/incidents/latest "),
        Case(
            ask: "DELETE /v1/incidents/latest",
            answer: "DELETE /v1/incidents/{which} which=latest"
        ),
        Case(ask: "PUT /v1/incidents/latest", answer: "405 DELETE, GET, HEAD, OPTIONS"),
        Case(ask: "POST /v1/incidents/i-1/ack", answer: "POST /v1/incidents/{id}/ack id=i-1"),
        Case(ask: "GET /v1/incidents/i-1/ack", answer: "405 OPTIONS, POST"),
        Case(ask: "GET /ui/", answer: "GET /ui/* *="),
        Case(ask: "GET /ui/a/b", answer: "GET /ui/* *=a/b"),
        Case(ask: "PUT /ui/a", answer: "PUT /ui/{page} page=a"),
        Case(ask: "GET /ui", answer: "404"),
        Case(ask: "GET /none", answer: "404"),
    ])
    func `paths find their routes`(_ entry: Case) {
        let routes = HTTPRouterTests.routes.map { text in
            let parts = text.split(separator: " ")
            return HTTPRoute(
                String(parts[0]),
                String(parts[1]),
                .inline { _ in HTTPResponse(status: 200) }
            )
        }
        let parts = entry.ask.split(separator: " ")
        let path = parts[1].dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        let answer =
            switch HTTPRouter(routes).match(String(parts[0]), path.map(String.init)) {
            case .found(let index, let parameters):
                "\(routes[index].method) \(routes[index].pattern) "
                    + parameters.map { "\($0)=\($1)" }.sorted().joined(separator: " ")
            case .methodNotAllowed(let allow): "405 \(allow)"
            case .notFound: "404"
            }
        #expect(answer == entry.answer)
    }

    @Test func `a route given twice traps`() async {
        await #expect(processExitsWith: .failure) {
            let route = HTTPRoute("GET", "/a/{x}", .inline { _ in HTTPResponse(status: 200) })
            let same = HTTPRoute("GET", "/a/{y}", .inline { _ in HTTPResponse(status: 200) })
            _ = HTTPRouter([route, same])
        }
    }
}
