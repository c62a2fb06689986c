import Testing

@testable import HTTPServer

@Suite struct HTTPRequestTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var type: String?
        var body: String
        var pairs: [String]?
        var testDescription: String { "\(type ?? "no type"): \(body)" }
    }

    @Test(arguments: [
        Case(type: nil, body: "b=2", pairs: ["a=1"]),
        Case(type: "text/plain", body: "b=2", pairs: ["a=1"]),
        Case(
            type: "application/x-www-form-urlencoded",
            body: "query=up%20%2B+1%0A&&x",
            pairs: ["a=1", "query=up + 1\n", "x="]
        ),
        Case(type: "Application/X-WWW-Form-Urlencoded; charset=utf-8", body: "", pairs: ["a=1"]),
        Case(type: "application/x-www-form-urlencoded", body: "b=%f", pairs: nil),
        Case(type: "application/x-www-form-urlencoded", body: "b=%ff", pairs: nil),
    ])
    func `form bodies join the query`(_ entry: Case) {
        let headers = entry.type.map { [(name: "content-type", value: $0)] } ?? []
        let request = HTTPRequest(
            method: "POST",
            path: "/",
            query: [("a", "1")],
            headers: headers,
            body: Array(entry.body.utf8)
        )
        #expect(request.parameters?.map { "\($0.name)=\($0.value)" } == entry.pairs)
    }
}
