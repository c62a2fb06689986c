import HTTPServer
import Model
import PromQL
import PromQLSyntax
import Timekeeping

/// Parameters of a Prometheus API call: the address's query and, for POST, the form in the body, which comes first.
struct QueryParameters {
    /// Far enough for any sample, and near enough that arithmetic on it cannot overflow.
    static let everything = TimeRange(
        after: Timestamp(milliseconds: -(Int64.max / 8)),
        through: Timestamp(milliseconds: Int64.max / 8)
    )

    private let pairs: [(name: String, value: String)]

    /// Reads both places.
    ///
    /// - Throws: When a POST has a body that is no form; what it asks would be passed over in silence otherwise.
    init(_ request: HTTPRequest) throws(PrometheusFailure) {
        guard request.method == "POST", !request.body.isEmpty else {
            pairs = request.query
            return
        }
        let type = request.header("content-type")?.prefix { $0 != ";" && $0 != " " }.lowercased()
        guard type == "application/x-www-form-urlencoded", let all = request.parameters else {
            throw PrometheusFailure(
                type: .badData,
                message: "a POST body must be a form (application/x-www-form-urlencoded)"
            )
        }
        pairs = Array(all.dropFirst(request.query.count)) + request.query
    }

    func first(_ name: String) -> String? { pairs.first { $0.name == name }?.value }

    func all(_ name: String) -> [String] { pairs.filter { $0.name == name }.map(\.value) }

    // MARK: Times

    /// A time as RFC 3339 or as seconds since 1970; nil when the parameter is not there.
    func time(_ name: String) throws(PrometheusFailure) -> Timestamp? {
        guard let text = first(name), !text.isEmpty else { return nil }
        guard let moment = QueryParameters.time(text) else {
            throw .parameter(
                name,
                "Invalid time value for '\(name)': cannot parse \(quoted(text)) to a valid timestamp"
            )
        }
        return moment
    }

    /// A time that must be there.
    func requiredTime(_ name: String) throws(PrometheusFailure) -> Timestamp {
        let text = first(name) ?? ""
        guard let moment = QueryParameters.time(text) else {
            throw .parameter(name, "cannot parse \(quoted(text)) to a valid timestamp")
        }
        return moment
    }

    /// What `start` and `end` say, closed on both sides; without them, everything.
    func window() throws(PrometheusFailure) -> TimeRange {
        let start = try time("start")
        let end = try time("end")
        let all = QueryParameters.everything
        return TimeRange(
            after: start.map { $0 - .milliseconds(1) } ?? all.start,
            through: end ?? all.end
        )
    }

    private static func time(_ text: String) -> Timestamp? {
        // Go's earliest and latest times, which its clients send for "no limit".
        switch text {
        case "-292273086-05-16T16:47:06Z": return everything.start
        case "292277025-08-18T07:12:54.999999999Z": return everything.end
        default: break
        }
        if let seconds = Double(text) {
            let limit = Double(everything.end.milliseconds) / 1000
            guard seconds.isFinite, abs(seconds) <= limit else { return nil }
            return Timestamp(seconds: seconds)
        }
        return Timestamp(rfc3339: text)
    }

    /// A duration as Prometheus writes it or as seconds; nil when the parameter is not there.
    func duration(_ name: String) throws(PrometheusFailure) -> Duration? {
        guard let text = first(name), !text.isEmpty else { return nil }
        do throws(DurationProblem) {
            return try QueryParameters.duration(text)
        } catch { throw .parameter(name, error.text) }
    }

    /// A duration that must be there.
    func requiredDuration(_ name: String) throws(PrometheusFailure) -> Duration {
        guard let span = try duration(name) else {
            throw .parameter(name, "cannot parse \"\" to a valid duration")
        }
        return span
    }

    private struct DurationProblem: Error { var text: String }

    private static func duration(_ text: String) throws(DurationProblem) -> Duration {
        let problem = "cannot parse \(quoted(text)) to a valid duration"
        if let seconds = Double(text), !seconds.isNaN {
            // Whole nanoseconds in 64 bits, as in Go.
            guard abs(seconds) <= 9_223_372_036 else {
                throw DurationProblem(text: problem + ". It overflows int64")
            }
            return .milliseconds(Int64((seconds * 1000).rounded()))
        }
        guard let span = Duration(prometheus: text) else { throw DurationProblem(text: problem) }
        return span
    }

    // MARK: Others

    /// A whole number of at least 0; 0, also for a parameter that is not there, means no limit.
    func limit(_ name: String) throws(PrometheusFailure) -> Int? {
        guard let text = first(name), !text.isEmpty else { return nil }
        guard let number = Int(text) else {
            throw .parameter(name, "cannot parse \(quoted(text)) to a whole number")
        }
        guard number >= 0 else { throw .parameter(name, "limit must be non-negative") }
        return number == 0 ? nil : number
    }

    /// A yes or no in any of Go's spellings.
    func flag(_ name: String) throws(PrometheusFailure) -> Bool {
        guard let text = first(name), !text.isEmpty else { return false }
        switch text.lowercased() {
        case "1", "t", "true": return true
        case "0", "f", "false": return false
        default:
            throw .parameter(
                name,
                "error converting \(name): \(quoted(text)) is neither true nor false"
            )
        }
    }

    func expression(_ name: String) throws(PrometheusFailure) -> Expression {
        do {
            return try PromQLParser.parse(first(name) ?? "")
        } catch {
            throw .parameter(name, error.description)
        }
    }

    /// A query made ready by the engine that is to answer it.
    func query(
        _ name: String,
        _ engine: QueryEngine
    ) throws(PrometheusFailure) -> PlannedExpression {
        do {
            return try engine.planned(first(name) ?? "")
        } catch {
            throw .parameter(name, error.description)
        }
    }

    /// The vector selectors under `match[]`, each as its matchers.
    func selectors() throws(PrometheusFailure) -> [[LabelMatcher]] {
        var found: [[LabelMatcher]] = []
        for text in all("match[]") {
            let expression: Expression
            do {
                expression = try PromQLParser.parse(text)
            } catch {
                throw .parameter("match[]", error.description)
            }
            guard case .vector(let selector) = expression,
                selector.modifiers == SelectorModifiers(), selector.window == .plain
            else { throw .parameter("match[]", "\(quoted(text)) is not a plain vector selector") }
            guard !selector.matchers.allSatisfy({ $0.matches("") }) else {
                throw .parameter("match[]", "match[] must contain at least one non-empty matcher")
            }
            found.append(selector.matchers)
        }
        return found
    }

    private func quoted(_ text: String) -> String { QueryParameters.quoted(text) }

    private static func quoted(_ text: String) -> String { LabelSet.quoted(text) }
}
