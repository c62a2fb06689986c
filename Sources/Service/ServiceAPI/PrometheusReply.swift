import HTTPServer
import Model

/// Error types of Prometheus's HTTP API with their statuses.
enum PrometheusErrorType: String {
    case badData = "bad_data"
    case execution
    case timeout
    case canceled
    case `internal`
    case notFound = "not_found"
    case notAcceptable = "not_acceptable"
    case unavailable

    var status: Int {
        switch self {
        case .badData: 400
        case .execution: 422
        case .timeout, .unavailable: 503
        case .canceled: 499
        case .internal: 500
        case .notFound: 404
        case .notAcceptable: 406
        }
    }
}

/// A request that cannot be answered, in Prometheus's words.
struct PrometheusFailure: Error {
    var type: PrometheusErrorType
    var message: String

    /// `invalid parameter "step": ...` as Prometheus words it.
    static func parameter(_ name: String, _ reason: String) -> PrometheusFailure {
        PrometheusFailure(type: .badData, message: "invalid parameter \"\(name)\": \(reason)")
    }
}

extension PrometheusFailure {
    /// The rings cannot be read now.
    init(_ error: SeriesReadingError) {
        switch error {
        case .sampleLimit: self.init(type: .execution, message: error.description)
        case .stopped: self.init(type: .unavailable, message: error.description)
        }
    }
}

/// The envelope under `/api/v1`.
enum PrometheusReply {
    /// The warning of an answer that a `limit` has cut.
    static let truncated = "results truncated due to limit"

    static func success(
        warnings: [String] = [],
        infos: [String] = [],
        _ data: (inout JSONWriter) -> Void
    ) -> HTTPResponse {
        var writer = JSONWriter()
        writer.object { writer in
            writer.field("status", "success")
            writer.key("data")
            data(&writer)
            if !warnings.isEmpty {
                writer.key("warnings")
                writer.strings(warnings)
            }
            if !infos.isEmpty {
                writer.key("infos")
                writer.strings(infos)
            }
        }
        return HTTPResponse(status: 200, contentType: "application/json", writer.bytes)
    }

    /// An error.
    ///
    /// - Parameters:
    ///   - failure: What is wrong.
    ///   - status: Instead of the one its type has.
    /// - Returns: The envelope.
    static func failure(_ failure: PrometheusFailure, status: Int? = nil) -> HTTPResponse {
        var writer = JSONWriter()
        writer.object { writer in
            writer.field("status", "error")
            writer.field("errorType", failure.type.rawValue)
            writer.field("error", failure.message)
        }
        return HTTPResponse(
            status: status ?? failure.type.status,
            contentType: "application/json",
            writer.bytes
        )
    }

    /// Runs a handler, its failures turned into the envelope.
    static func answering(
        _ request: HTTPRequest,
        _ body: (QueryParameters) throws(PrometheusFailure) -> HTTPResponse
    ) -> HTTPResponse {
        do {
            return try body(try QueryParameters(request))
        } catch {
            return failure(error)
        }
    }
}
