import APIModel
import HTTPServer

/// Answers of the API under `/v1`.
enum DocumentReply {
    static func json(_ document: some Encodable, status: Int = 200) -> HTTPResponse {
        do {
            let data = try APIJSON.encode(document)
            return HTTPResponse(
                status: status,
                headers: [("Content-Type", "application/json")],
                body: Array(data)
            )
        } catch {
            return problem(500, "internal error", "cannot write the answer: \(error)")
        }
    }

    /// RFC 9457 problem details.
    static func problem(_ status: Int, _ title: String, _ detail: String) -> HTTPResponse {
        var writer = JSONWriter()
        writer.object { writer in
            writer.field("title", title)
            writer.field("status", raw: "\(status)")
            writer.field("detail", detail)
        }
        return HTTPResponse(
            status: status,
            contentType: ProblemDocument.contentType,
            writer.bytes
        )
    }
}
