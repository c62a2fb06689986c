import HTTPServer
import Ingest
import LogStore
import Matching
import Model
import PromQLSyntax
import Rules
import Timekeeping

/// What a call of `/v1/logs` asks, read from its parameters.
struct LogQuery {
    enum Format: String, CaseIterable {
        case json, ndjson
    }

    /// Everything that is wrong with a call.
    struct Refusal: Error {
        var problems: [String]
    }

    var search: LogSearch
    var format = Format.json
    var timeout: Duration
    /// How long to wait for a record when there is none.
    var wait = Duration.zero
    /// The cursor that `after` names; nil without one.
    var after: LogCursor?
    /// What the span was asked from, when it was.
    var start: Timestamp?

    static let parameters = [
        "after", "contains", "direction", "end", "format", "limit", "match", "regex", "since",
        "start", "timeout", "wait", "where", "without",
    ]

    /// Reads a call.
    ///
    /// - Throws: Every problem at once.
    init(_ request: HTTPRequest, limits: LogLimits, now: Timestamp) throws(Refusal) {
        var reader = Reader(request: request, limits: limits, now: now)
        search = LogSearch(limit: limits.recordsDefault)
        timeout = limits.timeDefault
        reader.refuseUnknown()
        search.limit =
            reader.whole("limit", 1...limits.recordsMax) ?? limits.recordsDefault
        search.contains = reader.texts("contains")
        search.lacks = reader.texts("without")
        search.patterns = reader.patterns()
        search.matchers = reader.matchers()
        search.conditions = reader.conditions()
        search.parse = { LogText.fields(of: $0) }
        start = reader.start()
        if let start { search.from = start }
        if let end = reader.time("end") { search.to = end }
        if search.from > search.to { reader.problems.append("start is after end; swap them") }
        format = reader.format(accept: request.header("accept"))
        timeout = reader.span("timeout", upTo: limits.timeMax) ?? limits.timeDefault
        wait = reader.span("wait", upTo: limits.waitMax) ?? .zero
        after = reader.cursor()
        let direction = reader.direction()
        if after != nil, direction != nil {
            reader.problems.append("after gives records as they arrived; leave direction out")
        }
        if after == nil, wait > .zero {
            reader.problems.append(
                "wait needs after: the cursor of an answer, behind which to wait"
            )
        }
        search.order = direction ?? .newestFirst
        guard reader.problems.isEmpty else { throw Refusal(problems: reader.problems) }
    }

    /// Reads parameters one by one and collects what is wrong.
    private struct Reader {
        let request: HTTPRequest
        let limits: LogLimits
        let now: Timestamp
        var problems: [String] = []

        init(request: HTTPRequest, limits: LogLimits, now: Timestamp) {
            self.request = request
            self.limits = limits
            self.now = now
        }

        mutating func refuseUnknown() {
            let known = Set(LogQuery.parameters)
            for (name, _) in request.query where !known.contains(name) {
                problems.append(
                    "unknown parameter \(LabelSet.quoted(name)); there are "
                        + LogQuery.parameters.joined(separator: ", ")
                )
            }
        }

        func value(_ name: String) -> String? {
            request.parameter(name).flatMap { $0.isEmpty ? nil : $0 }
        }

        mutating func texts(_ name: String) -> [String] {
            let texts = request.query.filter { $0.name == name && !$0.value.isEmpty }.map(\.value)
            if texts.count > limits.termsMax {
                problems.append("\(name) is given \(texts.count) times; \(limits.termsMax) at most")
            }
            if texts.contains(where: { $0.utf8.count > limits.termBytesMax }) {
                problems.append("\(name) is longer than \(limits.termBytesMax) bytes; shorten it")
            }
            return texts
        }

        mutating func whole(_ name: String, _ range: ClosedRange<Int>) -> Int? {
            guard let text = value(name) else { return nil }
            guard let number = Int(text), range.contains(number) else {
                problems.append(
                    "\(name) must be a whole number from \(range.lowerBound) to "
                        + "\(range.upperBound), not \(LabelSet.quoted(text))"
                )
                return nil
            }
            return number
        }

        mutating func span(_ name: String, upTo most: Duration) -> Duration? {
            guard let text = value(name) else { return nil }
            guard let span = Duration(prometheus: text), span <= most else {
                problems.append(
                    "\(name) must be a duration such as 10s, at most \(most.prometheusText), not "
                        + LabelSet.quoted(text)
                )
                return nil
            }
            return span
        }

        mutating func time(_ name: String) -> Timestamp? {
            guard let text = value(name) else { return nil }
            if let seconds = Double(text), seconds.magnitude < 1e11 {
                return Timestamp(seconds: seconds)
            }
            guard let moment = Timestamp(rfc3339: text) else {
                problems.append(
                    "\(name) must be a time such as 2026-11-24T14:02:00Z or 1700000000, not "
                        + LabelSet.quoted(text)
                )
                return nil
            }
            return moment
        }

        /// `start`, or `since` before now.
        mutating func start() -> Timestamp? {
            let start = time("start")
            guard let text = value("since") else { return start }
            if start != nil { problems.append("give start or since, not both") }
            guard let span = Duration(prometheus: text) else {
                problems.append(
                    "since must be a duration such as 15m, not \(LabelSet.quoted(text))"
                )
                return nil
            }
            return now - span
        }

        mutating func patterns() -> [Pattern] {
            texts("regex").compactMap { text in
                do {
                    return try Pattern(text)
                } catch {
                    problems.append("regex: \(error)")
                    return nil
                }
            }
        }

        mutating func matchers() -> [LabelMatcher] {
            texts("match").flatMap { text -> [LabelMatcher] in
                let selector = text.hasPrefix("{") ? text : "{\(text)}"
                guard case .vector(let parsed)? = try? PromQLParser.parse(selector),
                    parsed.modifiers == SelectorModifiers(), parsed.window == .plain
                else {
                    problems.append(
                        "match \(LabelSet.quoted(text)) is no selector; write it as "
                            + #"{namespace="production",container=~"web-.*"}"#
                    )
                    return []
                }
                for matcher in parsed.matchers
                where !LogSearch.streamFields.contains(matcher.name) {
                    problems.append(
                        "match looks at tag, namespace and container, not at "
                            + "\(LabelSet.quoted(matcher.name)); ask where for fields: "
                            + "where=\(matcher.name) == ..."
                    )
                }
                return parsed.matchers
            }
        }

        mutating func conditions() -> [LogSearch.Condition] {
            var conditions: [LogSearch.Condition] = []
            for text in texts("where") {
                do throws(LogConditionText.Problem) {
                    for condition in try LogConditionText.conditions(in: text) {
                        // Its pattern was compiled when the text was read.
                        guard let test = try? FieldTest(condition) else { continue }
                        conditions.append(
                            LogSearch.Condition(field: condition.field, test: test)
                        )
                    }
                } catch {
                    problems.append("where: \(error.message)")
                }
            }
            return conditions
        }

        mutating func format(accept: String?) -> Format {
            guard let text = value("format") else {
                return accept?.contains("application/x-ndjson") == true ? .ndjson : .json
            }
            guard let format = Format(rawValue: text) else {
                problems.append(
                    "format must be json or ndjson, not \(LabelSet.quoted(text))"
                )
                return .json
            }
            return format
        }

        mutating func direction() -> LogSearch.Order? {
            switch value("direction") {
            case nil: return nil
            case "backward": return .newestFirst
            case "forward": return .oldestFirst
            case let other?:
                problems.append(
                    "direction must be backward or forward, not \(LabelSet.quoted(other))"
                )
                return nil
            }
        }

        mutating func cursor() -> LogCursor? {
            guard let text = value("after") else { return nil }
            guard let cursor = LogCursor(text) else {
                problems.append(
                    "after must be the cursor of an earlier answer, not \(LabelSet.quoted(text))"
                )
                return nil
            }
            return cursor
        }
    }
}

/// A place in the order of arrival, of one run of the service: `18c2f9a1b3d-42`.
struct LogCursor: Hashable {
    /// When the run began, in milliseconds; sequences begin anew with it.
    var run: Int64
    var sequence: UInt64

    init(run: Int64, sequence: UInt64) {
        self.run = run
        self.sequence = sequence
    }

    init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let run = Int64(parts[0], radix: 16),
            let sequence = UInt64(parts[1])
        else { return nil }
        self.init(run: run, sequence: sequence)
    }

    var text: String { "\(String(run, radix: 16))-\(sequence)" }
}
