import Matching
import Timekeeping

extension TemplateFunction {
    /// The functions that Prometheus adds.
    static let prometheus: [String: TemplateFunction] = [
        "humanize": ofNumber(Humanize.metric),
        "humanize1024": ofNumber(Humanize.binary),
        "humanizeDuration": ofNumber(Humanize.duration),
        "humanizePercentage": ofNumber(Humanize.percentage),
        "humanizeTimestamp": TemplateFunction(1) { arguments throws(TemplateError) in
            let seconds = try number(arguments[0])
            guard let moment = try moment(seconds) else {
                return .string(GoNumber.general(seconds, precision: 4))
            }
            return .string(GoNumber.time(moment))
        },
        "toTime": TemplateFunction(1) { arguments throws(TemplateError) in
            guard let moment = try moment(try number(arguments[0])) else { return .none }
            return .time(moment)
        },
        "toDuration": TemplateFunction(1) { arguments throws(TemplateError) in
            let seconds = try number(arguments[0])
            guard abs(seconds) < 9.2e9 else {
                throw TemplateError("\(seconds) cannot be converted")
            }
            return .duration(.seconds(seconds))
        },
        "now": TemplateFunction(0...0) { _, context throws(TemplateError) in
            .float(context.time.seconds)
        },
        "parseDuration": TemplateFunction(1) { arguments throws(TemplateError) in
            let text = try string(arguments[0])
            guard let duration = Duration(prometheus: text) else {
                throw TemplateError("not a valid duration string: \"\(text)\"")
            }
            return .float(duration.inSeconds)
        },
        "title": ofText(TemplateText.title),
        "toUpper": ofText { $0.uppercased() },
        "toLower": ofText { $0.lowercased() },
        "safeHtml": ofText { $0 },
        "urlQueryEscape": ofText(TextEscape.query),
        "stripPort": ofText(TemplateText.withoutPort),
        "stripDomain": ofText(TemplateText.withoutDomain),
        "graphLink": ofText { "/graph?g0.expr=\(TextEscape.query($0))&g0.tab=0" },
        "tableLink": ofText { "/graph?g0.expr=\(TextEscape.query($0))&g0.tab=1" },
        "match": TemplateFunction(2) { arguments throws(TemplateError) in
            let pattern = try pattern(arguments[0])
            let bytes = Array(try string(arguments[1]).utf8)
            return .bool(pattern.groups(in: bytes.span) != nil)
        },
        "reReplaceAll": TemplateFunction(3) { arguments throws(TemplateError) in
            .string(
                try TemplateText.replacing(
                    try pattern(arguments[0]),
                    with: try string(arguments[1]),
                    in: try string(arguments[2])
                )
            )
        },
        "externalURL": TemplateFunction(0...0) { _, context throws(TemplateError) in
            .string(context.externalURL)
        },
        "pathPrefix": TemplateFunction(0...0) { _, context throws(TemplateError) in
            .string(TemplateText.path(ofURL: context.externalURL))
        },
        "args": TemplateFunction(0...Int.max) { arguments, _ throws(TemplateError) in
            .map(
                Dictionary(
                    arguments.enumerated().map { ("arg\($0.offset)", $0.element) },
                    uniquingKeysWith: { first, _ in first }
                )
            )
        },
        "query": TemplateFunction(1...1) { arguments, context throws(TemplateError) in
            .list(try context.query(try string(arguments[0])).map { .sample($0) })
        },
        "first": TemplateFunction(1) { arguments throws(TemplateError) in
            guard let first = try samples(arguments[0]).first else {
                throw TemplateError("first() called on vector with no elements")
            }
            return .sample(first)
        },
        "label": TemplateFunction(2) { arguments throws(TemplateError) in
            .string(try sample(arguments[1]).labels[try string(arguments[0])] ?? "")
        },
        "value": TemplateFunction(1) { arguments throws(TemplateError) in
            .float(try sample(arguments[0]).value)
        },
        "strvalue": TemplateFunction(1) { arguments throws(TemplateError) in
            .string(try sample(arguments[0]).labels["__value__"] ?? "")
        },
        "sortByLabel": TemplateFunction(2) { arguments throws(TemplateError) in
            let name = try string(arguments[0])
            let sorted = try samples(arguments[1]).enumerated().sorted { left, right in
                let (a, b) = (left.element.labels[name] ?? "", right.element.labels[name] ?? "")
                return a == b ? left.offset < right.offset : a < b
            }
            return .list(sorted.map { .sample($0.element) })
        },
    ]

    private static func ofNumber(
        _ function: @escaping @Sendable (Double) -> String
    ) -> TemplateFunction {
        TemplateFunction(1) { arguments throws(TemplateError) in
            .string(function(try number(arguments[0])))
        }
    }

    private static func ofText(
        _ function: @escaping @Sendable (String) -> String
    ) -> TemplateFunction {
        TemplateFunction(1) { arguments throws(TemplateError) in
            .string(function(try string(arguments[0])))
        }
    }

    /// Nil for NaN and the infinities.
    private static func moment(_ seconds: Double) throws(TemplateError) -> Timestamp? {
        guard seconds.isFinite else { return nil }
        guard abs(seconds) < 9.2e9 else {
            throw TemplateError(
                "\(GoNumber.shortest(seconds)) cannot be represented as a nanoseconds timestamp since it overflows int64"
            )
        }
        return Timestamp(seconds: seconds)
    }

    private static func pattern(_ value: TemplateValue) throws(TemplateError) -> Pattern {
        let text = try string(value)
        do {
            return try Pattern(text)
        } catch {
            throw TemplateError(error.description)
        }
    }
}
