import Matching
import Model

/// Reads Alertmanager's matcher text: `severity="critical"`, `a=~"b|c"`, `{a="b", c!="d"}`, `team = db`.
enum MatcherText {
    struct Failure: Error, CustomStringConvertible {
        var text: String
        var reason: String

        var description: String {
            "matcher \"\(text)\": \(reason); write it like severity=\"critical\""
        }
    }

    static func parse(_ text: String) -> Result<[LabelMatcher], Failure> {
        var reader = Reader(rest: Substring(text))
        do {
            return .success(try reader.matchers())
        } catch {
            return .failure(Failure(text: text, reason: error.reason))
        }
    }

    private struct Problem: Error {
        var reason: String
    }

    private struct Reader {
        var rest: Substring

        mutating func skipBlanks() {
            rest = rest.drop { $0 == " " || $0 == "\t" || $0 == "\n" }
        }

        mutating func take(_ text: String) -> Bool {
            guard rest.hasPrefix(text) else { return false }
            rest = rest.dropFirst(text.count)
            return true
        }

        mutating func matchers() throws(Problem) -> [LabelMatcher] {
            skipBlanks()
            let isBraced = take("{")
            var found: [LabelMatcher] = []
            skipBlanks()
            while !rest.isEmpty, !(isBraced && rest.first == "}") {
                found.append(try matcher())
                skipBlanks()
                guard take(",") else { break }
                skipBlanks()
            }
            if isBraced, !take("}") { throw Problem(reason: "\"}\" is missing") }
            skipBlanks()
            guard rest.isEmpty else { throw Problem(reason: "unexpected \"\(rest)\"") }
            guard !found.isEmpty else { throw Problem(reason: "it is empty") }
            return found
        }

        private mutating func matcher() throws(Problem) -> LabelMatcher {
            let name = String(
                rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ":") }
            )
            guard let first = name.first, !first.isNumber else {
                throw Problem(reason: "a label name is missing")
            }
            rest = rest.dropFirst(name.count)
            skipBlanks()
            let operation: LabelMatcher.Operation
            if take("=~") {
                operation = .matches
            } else if take("!~") {
                operation = .doesNotMatch
            } else if take("!=") {
                operation = .notEqual
            } else if take("=") {
                operation = .equal
            } else {
                throw Problem(reason: "one of =, !=, =~, !~ is missing after \"\(name)\"")
            }
            skipBlanks()
            let value = try self.value()
            do {
                return try LabelMatcher(name, operation, value)
            } catch {
                throw Problem(reason: error.description)
            }
        }

        private mutating func value() throws(Problem) -> String {
            guard take("\"") else {
                let plain = rest.prefix { $0 != "," && $0 != "}" && $0 != "\"" && $0 != "\n" }
                rest = rest.dropFirst(plain.count)
                var text = String(plain)
                while text.last == " " { text.removeLast() }
                return text
            }
            var text = ""
            while let character = rest.popFirst() {
                switch character {
                case "\"": return text
                case "\\":
                    switch rest.popFirst() {
                    case "n": text += "\n"
                    case let other?: text.append(other)
                    case nil: break
                    }
                default: text.append(character)
                }
            }
            throw Problem(reason: "the closing quote is missing")
        }
    }
}
