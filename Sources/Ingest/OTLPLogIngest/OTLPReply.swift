import HTTPServer
import Telemetry

/// Writes answers in the encoding of the request: `ExportLogsServiceResponse`, or `google.rpc.Status` for a failure.
struct OTLPReply {
    let encoding: OTLPLogDecoder.Encoding

    /// Everything is in: an empty message.
    func success() -> HTTPResponse {
        switch encoding {
        case .protobuf: response(200, [])
        case .json: response(200, Array("{}".utf8))
        }
    }

    /// All but some are in.
    func partialSuccess(rejected: Int, _ reason: String) -> HTTPResponse {
        switch encoding {
        case .protobuf:
            var inner: [UInt8] = [0x08]
            OTLPReply.append(varint: rejected, to: &inner)
            inner.append(0x12)
            OTLPReply.append(text: reason, to: &inner)
            var outer: [UInt8] = [0x0a]
            OTLPReply.append(varint: inner.count, to: &outer)
            return response(200, outer + inner)
        case .json:
            let text =
                "{\"partialSuccess\":{\"rejectedLogRecords\":\"\(rejected)\",\"errorMessage\":"
                + JSONText.quoted(reason) + "}}"
            return response(200, Array(text.utf8))
        }
    }

    /// Nothing is in.
    func failure(_ status: Int, _ reason: String) -> HTTPResponse {
        // INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNAVAILABLE.
        let code = status == 503 ? 14 : status == 413 ? 8 : 3
        switch encoding {
        case .protobuf:
            var bytes: [UInt8] = [0x08, UInt8(code), 0x12]
            OTLPReply.append(text: reason, to: &bytes)
            return response(status, bytes)
        case .json:
            let text = "{\"code\":\(code),\"message\":\(JSONText.quoted(reason))}"
            return response(status, Array(text.utf8))
        }
    }

    private func response(_ status: Int, _ body: [UInt8]) -> HTTPResponse {
        let type = encoding == .protobuf ? "application/x-protobuf" : "application/json"
        return HTTPResponse(status: status, contentType: type, body)
    }

    private static func append(text: String, to bytes: inout [UInt8]) {
        append(varint: text.utf8.count, to: &bytes)
        bytes += text.utf8
    }

    private static func append(varint value: Int, to bytes: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
