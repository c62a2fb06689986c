/// One token of a PromQL text.
struct Token {
    var kind: TokenKind
    /// The characters as written; the message for `.error`.
    var text: String
    var span: SourceSpan

    /// How Prometheus names the token in "unexpected ..." messages.
    var described: String {
        switch kind {
        case .endOfInput: "end of input"
        case .error: text
        case .identifier: "identifier \(GoQuoting.quoted(text))"
        case .metricIdentifier: "metric identifier \(GoQuoting.quoted(text))"
        case .string: "string \(shortened)"
        case .number: "number \(shortened)"
        case .duration: "duration \(shortened)"
        case .operation: "<op:\(text)>"
        case .at: "<op:@>"
        case .aggregator: "<aggr:\(text)>"
        case .keyword(let keyword) where !keyword.isPreprocessor: "<\(text)>"
        case .matchesRegex, .doesNotMatchRegex: "<op:\(text)>"
        case .keyword, .leftParen, .rightParen, .leftBrace, .rightBrace, .leftBracket,
            .rightBracket, .comma, .equal, .colon:
            shortened
        }
    }

    /// True when an expression may begin with the token; also for `.error`, which has a message of its own.
    var mayStartExpression: Bool {
        switch kind {
        case .error, .identifier, .metricIdentifier, .string, .number, .duration, .leftParen,
            .leftBrace, .aggregator:
            true
        case .operation(let operation):
            operation == .add || operation == .subtract || operation.isSet
        case .keyword(let keyword): keyword.mayNameMetric
        case .endOfInput, .rightParen, .rightBrace, .leftBracket, .rightBracket, .comma, .colon,
            .equal, .matchesRegex, .doesNotMatchRegex, .at:
            false
        }
    }

    private var shortened: String {
        text.utf8.count > 10
            ? GoQuoting.quoted(String(String.UnicodeScalarView(text.unicodeScalars.prefix(10))))
                + "..." : GoQuoting.quoted(text)
    }
}

enum TokenKind: Hashable {
    case endOfInput
    /// The text could not be read; `Token.text` is the message.
    case error
    /// Letters, digits and underscores.
    case identifier
    /// An identifier with a colon in it.
    case metricIdentifier
    case string
    case number
    case duration
    case leftParen, rightParen
    case leftBrace, rightBrace
    case leftBracket, rightBracket
    case comma, colon
    /// `=`
    case equal
    /// `=~`
    case matchesRegex
    /// `!~`
    case doesNotMatchRegex
    case at
    case operation(BinaryOperation)
    case aggregator(AggregationOperation)
    case keyword(Keyword)
}

/// Words with a meaning of their own, whatever their case; most may also name a metric or a label.
enum Keyword: String, Hashable, CaseIterable {
    case offset, by, without, on, ignoring, bool, anchored, smoothed, fill
    case fillLeft = "fill_left"
    case fillRight = "fill_right"
    case groupLeft = "group_left"
    case groupRight = "group_right"
    case start, end, step, range
    case minOf = "min_of"
    case maxOf = "max_of"

    /// True for words that stand for a value of the query: `start()`, `step()` ...
    var isPreprocessor: Bool {
        switch self {
        case .start, .end, .step, .range, .minOf, .maxOf: true
        case .offset, .by, .without, .on, .ignoring, .bool, .anchored, .smoothed, .fill,
            .fillLeft, .fillRight, .groupLeft, .groupRight:
            false
        }
    }

    /// True when the word may stand for a metric of that name.
    var mayNameMetric: Bool {
        switch self {
        case .offset, .by, .without, .anchored, .smoothed, .fill, .fillLeft, .fillRight, .start,
            .end, .step, .range, .minOf, .maxOf:
            true
        case .on, .ignoring, .bool, .groupLeft, .groupRight: false
        }
    }
}
