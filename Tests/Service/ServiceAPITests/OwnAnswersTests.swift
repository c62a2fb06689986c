import HTTPServer
import Testing

@testable import ServiceAPI

@Suite struct OwnAnswersTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var path: String
        var status: Int
        var type: String
        var body: String

        var testDescription: String { "\(status) at \(path)" }
    }

    private static func envelope(_ type: String) -> String {
        #"{"status":"error","errorType":"\#(type)","error":"why it is so"}"#
    }

    static let cases: [Case] = [
        Case(
            path: "/api/v1/nothing",
            status: 404,
            type: "application/json",
            body: envelope("not_found")
        ),
        Case(
            path: "/api/v1/query",
            status: 405,
            type: "application/json",
            body: envelope("bad_data")
        ),
        Case(
            path: "/api/v1/write",
            status: 413,
            type: "application/json",
            body: envelope("bad_data")
        ),
        Case(
            path: "/api/v1/query",
            status: 408,
            type: "application/json",
            body: envelope("timeout")
        ),
        Case(path: "/api/v1", status: 503, type: "application/json", body: envelope("unavailable")),
        Case(
            path: "/api/v1/query",
            status: 500,
            type: "application/json",
            body: envelope("internal")
        ),
        Case(
            path: "/api/v2/alerts",
            status: 404,
            type: "application/json",
            body: #""why it is so""#
        ),
        Case(
            path: "/v1/slos",
            status: 405,
            type: "application/problem+json",
            body: #"{"title":"method not allowed","status":405,"detail":"why it is so"}"#
        ),
        Case(
            path: "/v1/incidents/INC-1/ack",
            status: 413,
            type: "application/problem+json",
            body: #"{"title":"content too large","status":413,"detail":"why it is so"}"#
        ),
        Case(
            path: "/",
            status: 405,
            type: "text/plain",
            body: "405 Method Not Allowed: why it is so\n"
        ),
        Case(
            path: "/api/v10/x",
            status: 404,
            type: "text/plain",
            body: "404 Not Found: why it is so\n"
        ),
        Case(
            path: "/api/v1/query",
            status: 204,
            type: "text/plain",
            body: "204 No Content: why it is so\n"
        ),
    ]

    @Test(arguments: cases) func speaksTheLanguageOfTheAPI(_ one: Case) {
        var response = HTTPResponse(
            status: one.status,
            contentType: "text/plain",
            "\(one.status) \(HTTPStatus.reason(one.status)): why it is so\n"
        )
        response.headers += [("Allow", "GET, HEAD"), ("Retry-After", "1")]
        let worded = OwnAnswers.inTheWordsOf(
            HTTPRequest(method: "GET", path: one.path),
            response
        )
        #expect(worded.status == one.status)
        #expect(worded.text == one.body)
        #expect(worded.header("Content-Type") == one.type)
        #expect(worded.header("Allow") == "GET, HEAD")
        #expect(worded.header("Retry-After") == "1")
        #expect(worded.headers.count == 3)
    }
}
