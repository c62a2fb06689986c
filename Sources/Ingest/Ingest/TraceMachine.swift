import Matching
import Model

/// Tells which lines belong to a stack trace.
///
/// - Source: the rules of Google's fluent-plugin-detect-exceptions, with Python's caret lines and repeated
///   frames added.
struct TraceMachine: Sendable {
    /// What a line is.
    enum Verdict: Hashable {
        /// No part of a trace.
        case alone
        case begins
        case goesOn
        /// The last line of a trace.
        case ends
    }

    /// Where a trace is; 0 is outside of any.
    typealias State = Int

    private struct Rule: Sendable {
        var from: [State]
        var pattern: Pattern
        var to: State
    }

    private let rules: [Rule]

    private static let outside = 0
    private static let javaStart = 1
    private static let javaAfter = 2
    private static let java = 3
    private static let python = 4
    private static let pythonCode = 5
    private static let goAfterPanic = 6
    private static let goAfterSignal = 7
    private static let goRoutine = 8
    private static let goFrame = 9
    private static let goPlace = 10

    private static let javaRules: [([State], String, State)] = [
        (
            [outside, javaStart],
            #"(?:Exception|Error|Throwable|V8 errors stack trace)(?:[:\r\n]|$)"#,
            javaAfter
        ),
        ([javaAfter], #"^[\t ]*nested exception is:[\t ]*"#, javaStart),
        ([javaAfter], #"^[\r\n]*$"#, javaAfter),
        ([javaAfter, java], #"^[\t ]+(?:eval )?at "#, java),
        ([javaAfter, java], #"^[\t ]+--- End of inner exception stack trace ---$"#, java),
        ([javaAfter, java], #"^--- End of stack trace from previous "#, java),
        ([javaAfter, java], #"^[\t ]*(?:Caused by|Suppressed):"#, javaAfter),
        ([javaAfter, java], #"^[\t ]*\.\.\. \d+ (?:more|common frames omitted)"#, java),
    ]
    private static let pythonRules: [([State], String, State)] = [
        ([outside], #"^[\t ]*Traceback \(most recent call last\):$"#, python),
        ([python], #"^[\t ]+File "#, pythonCode),
        // Frames without their source follow each other directly.
        ([pythonCode], #"^[\t ]+File "#, pythonCode),
        ([pythonCode, python], #"^[\t ]+\[Previous line repeated \d+ more times?\]$"#, python),
        ([python], #"^[\t ]+[~^]"#, python),
        ([pythonCode, python], #"^(?:[^\s.():]+\.)*[^\s.():]+(?::|$)"#, outside),
        ([pythonCode], #"[^\t ]"#, python),
    ]
    private static let goRules: [([State], String, State)] = [
        ([outside], #"\bpanic: "#, goAfterPanic),
        ([outside], #"http: panic serving"#, goRoutine),
        ([goAfterPanic], #"^[\t ]+panic: "#, goAfterPanic),
        ([goAfterPanic, goAfterSignal, goFrame], #"^$"#, goRoutine),
        ([goAfterPanic], #"^\[signal "#, goAfterSignal),
        ([goRoutine], #"^goroutine \d+ \[[^\]]+\]:$"#, goFrame),
        ([goFrame], #"^(?:[^\s.:]+\.)*[^\s.():]+\(|^created by "#, goPlace),
        ([goPlace], #"^\s"#, goFrame),
    ]

    init(_ languages: [LogStreamDefinition.TraceLanguage]) throws(PatternError) {
        var rules: [Rule] = []
        for language in languages {
            let table =
                switch language {
                case .java: TraceMachine.javaRules
                case .python: TraceMachine.pythonRules
                case .go: TraceMachine.goRules
                }
            for (from, pattern, to) in table {
                rules.append(Rule(from: from, pattern: try Pattern(pattern), to: to))
            }
        }
        self.rules = rules
    }

    /// Takes one line, without its line feed.
    func advance(_ state: inout State, _ line: String) -> Verdict {
        let before = state
        if let next = next(before, line) {
            state = next
            if before == TraceMachine.outside { return .begins }
            return next == TraceMachine.outside ? .ends : .goesOn
        }
        guard before != TraceMachine.outside else { return .alone }
        state = TraceMachine.outside
        guard let next = next(TraceMachine.outside, line) else { return .alone }
        state = next
        return .begins
    }

    private func next(_ state: State, _ line: String) -> State? {
        for rule in rules where rule.from.contains(state) {
            if rule.pattern.isFound(in: line.utf8Span.span) { return rule.to }
        }
        return nil
    }
}
