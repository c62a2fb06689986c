import HTTPServer
import Telemetry
import Testing

/// Problem details (RFC 9457), to the byte.
enum Problem {
    static func expect(_ response: HTTPResponse, _ status: Int, _ title: String, _ detail: String) {
        #expect(response.status == status)
        #expect(response.header("Content-Type") == "application/problem+json")
        #expect(
            response.text
                == #"{"title":"\#(title)","status":\#(status),"detail":\#(JSONText.quoted(detail))}"#
        )
    }
}
