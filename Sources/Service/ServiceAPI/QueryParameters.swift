import HTTPServer
import Model
import PromQLSyntax
import Timekeeping

/// Parameters of a Prometheus API call: the address's query and, for POST, the form in the body.
struct QueryParameters {
    private var pairs: [(name: String, value: String)]

    /// Reads both places; a form body must say that it is one.
    init(_ request: HTTPRequest) throws(PrometheusFailure) {
        pairs = request.query
        guard request.method == "POST", !request.body.isEmpty else { return }
        let type = request.header("content-type")?.split(separator: ";").first.map(String.init)
        guard type == "application/x-www-form-urlencoded" else {
            throw PrometheusFailure(
                type: .badData,
                message: "a POST body must be application/x-www-form-urlencoded"
            )
        }
        pairs += FormDecoding.pairs(String(decoding: request.body, as: UTF8.self))
    }

    func first(_ name: String) -> String? { pairs.first { $0.name == name }?.value }

    func all(_ name: String) -> [String] { pairs.filter { $0.name == name }.map(\.value) }

    func required(_ name: String) throws(PrometheusFailure) -> String {
        guard let value = first(name), !value.isEmpty else {
            throw .parameter(name, "it is missing")
        }
        return value
    }

    /// A time as RFC 3339 or as seconds since 1970; nil when the parameter is not there.
    func time(_ name: String) throws(PrometheusFailure) -> Timestamp? {
        guard let text = first(name), !text.isEmpty else { return nil }
        if let seconds = Double(text), seconds.isFinite, abs(seconds) < 9e15 {
            return Timestamp(seconds: seconds)
        }
        guard let moment = Timestamp(rfc3339: text) else {
            throw .parameter(name, "cannot parse \"\(text)\" to a valid timestamp")
        }
        return moment
    }

    /// A duration as Prometheus writes it or as seconds.
    func duration(_ name: String) throws(PrometheusFailure) -> Duration? {
        guard let text = first(name), !text.isEmpty else { return nil }
        if let seconds = Double(text), seconds.isFinite, abs(seconds) < 9e12 {
            return .milliseconds(Int64((seconds * 1000).rounded()))
        }
        guard let span = Duration(prometheus: text) else {
            throw .parameter(name, "cannot parse \"\(text)\" to a valid duration")
        }
        return span
    }

    /// A whole number of at least 0; nil when the parameter is not there.
    func limit(_ name: String) throws(PrometheusFailure) -> Int? {
        guard let text = first(name), !text.isEmpty else { return nil }
        guard let number = Int(text), number >= 0 else {
            throw .parameter(name, "limit must be a non-negative number")
        }
        return number
    }

    func expression(_ name: String) throws(PrometheusFailure) -> Expression {
        let text = try required(name)
        do {
            return try PromQLParser.parse(text)
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
            guard case .vector = expression.unwrapped,
                let need = expression.selectorNeeds.first
            else { throw .parameter("match[]", "\"\(text)\" is not a vector selector") }
            found.append(need.matchers)
        }
        return found
    }
}

/// `application/x-www-form-urlencoded` text.
enum FormDecoding {
    static func pairs(_ text: String) -> [(name: String, value: String)] {
        text.split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (decoded(parts[0]), parts.count > 1 ? decoded(parts[1]) : "")
        }
    }

    private static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "+") {
                bytes.append(UInt8(ascii: " "))
            } else if byte == UInt8(ascii: "%"), rest.count >= 2,
                let code = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(code)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
