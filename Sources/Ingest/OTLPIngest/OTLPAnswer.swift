import HTTPServer
import Telemetry

/// Answers in the words of OTLP, in the encoding of the request.
///
/// - Source: OTLP 1.x, "OTLP/HTTP Response"; `google.rpc.Status` for failures.
enum OTLPAnswer {
    /// `google.rpc.Code`.
    enum Code: Int {
        case invalidArgument = 3
        case resourceExhausted = 8
        case unavailable = 14
    }

    /// Everything is in, or all but `rejected` points.
    static func success(isJSON: Bool, rejected: Int, _ message: String) -> HTTPResponse {
        guard isJSON else {
            var partial: [UInt8] = []
            if rejected > 0 { ProtobufText.append(1, varint: UInt64(rejected), to: &partial) }
            if !message.isEmpty { ProtobufText.append(2, bytes: Array(message.utf8), to: &partial) }
            var body: [UInt8] = []
            if !partial.isEmpty { ProtobufText.append(1, bytes: partial, to: &body) }
            return HTTPResponse(status: 200, contentType: "application/x-protobuf", body)
        }
        let partial =
            rejected == 0 && message.isEmpty
            ? "{}"
            : "{\"rejectedDataPoints\":\"\(rejected)\",\"errorMessage\":"
                + "\(JSONText.quoted(message))}"
        return HTTPResponse(
            status: 200,
            contentType: "application/json",
            "{\"partialSuccess\":\(partial)}"
        )
    }

    /// Nothing is in.
    static func failure(
        _ status: Int,
        isJSON: Bool,
        _ code: Code,
        _ message: String
    ) -> HTTPResponse {
        guard isJSON else {
            var body: [UInt8] = []
            ProtobufText.append(1, varint: UInt64(code.rawValue), to: &body)
            ProtobufText.append(2, bytes: Array(message.utf8), to: &body)
            return HTTPResponse(status: status, contentType: "application/x-protobuf", body)
        }
        return HTTPResponse(
            status: status,
            contentType: "application/json",
            "{\"code\":\(code.rawValue),\"message\":\(JSONText.quoted(message))}"
        )
    }
}

/// Writes the few fields that answers have.
enum ProtobufText {
    static func append(_ field: Int, varint value: UInt64, to bytes: inout [UInt8]) {
        append(UInt64(field << 3), to: &bytes)
        append(value, to: &bytes)
    }

    static func append(_ field: Int, bytes value: [UInt8], to bytes: inout [UInt8]) {
        append(UInt64(field << 3 | 2), to: &bytes)
        append(UInt64(value.count), to: &bytes)
        bytes += value
    }

    private static func append(_ value: UInt64, to bytes: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
