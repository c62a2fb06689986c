import FoundationEssentials
import HTTPServer

/// Why the stand-in refuses a call.
struct StandInRefusal: Error {
    /// Name of the error's shape in the service model.
    var shape: String
    /// Code of the query protocol, which clients show.
    var code: String
    var message: String
    var status: Int

    init(_ shape: String, code: String? = nil, _ message: String, status: Int = 400) {
        self.shape = shape
        self.code = code ?? shape
        self.message = message
        self.status = status
    }

    static func invalidValue(_ message: String) -> StandInRefusal {
        StandInRefusal("InvalidParameterValueException", code: "InvalidParameterValue", message)
    }

    static func validation(_ message: String) -> StandInRefusal {
        StandInRefusal("ValidationException", code: "ValidationError", message)
    }

    static func missing(_ parameter: String) -> StandInRefusal {
        StandInRefusal(
            "MissingRequiredParameterException",
            code: "MissingParameter",
            "The parameter \(parameter) is required."
        )
    }

    var response: HTTPResponse {
        let body = WireRefusal(
            type: "com.amazonaws.cloudwatch.v2010_08_01#\(shape)",
            message: message
        )
        var response = StandInReply.json(body, status: status)
        let fault = status >= 500 ? "Receiver" : "Sender"
        response.headers.append(("x-amzn-query-error", "\(code);\(fault)"))
        return response
    }

    private struct WireRefusal: Encodable {
        var type: String
        var message: String

        enum CodingKeys: String, CodingKey {
            case type = "__type"
            case message
        }
    }
}

/// Replies of the JSON 1.0 protocol.
enum StandInReply {
    static func json(_ value: some Encodable, status: Int = 200) -> HTTPResponse {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return HTTPResponse(
                status: status,
                headers: [("Content-Type", "application/x-amz-json-1.0")],
                body: [UInt8](try encoder.encode(value))
            )
        } catch {
            return HTTPResponse(status: 500, contentType: "text/plain", "\(error)")
        }
    }

    static let empty = HTTPResponse(
        status: 200,
        headers: [("Content-Type", "application/x-amz-json-1.0")]
    )
}
