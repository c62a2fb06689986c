import Matching

/// A replacement such as `$1-${name}`, expanded from a match.
///
/// - Source: Go's `regexp.Expand`: a name is the longest run of letters, digits and underscores; a group that is
///   not there is empty; `$$` is a dollar; a dollar before anything else stays.
struct ReplacementTemplate: Sendable {
    private enum Part: Sendable {
        case text(String)
        /// Numbers of the groups that bear the name or number; the first that took part counts.
        case groups([Int])
    }

    private var parts: [Part] = []

    /// Groups are looked up once, in the pattern whose matches will be expanded.
    init(_ text: String, for pattern: Pattern) {
        var rest = text[...]
        var plain = ""
        while let dollar = rest.firstIndex(of: "$") {
            plain += rest[..<dollar]
            rest = rest[rest.index(after: dollar)...]
            if rest.first == "$" {
                plain += "$"
                rest.removeFirst()
                continue
            }
            guard let (name, behind) = ReplacementTemplate.name(rest) else {
                plain += "$"
                continue
            }
            rest = behind
            if !plain.isEmpty { parts.append(.text(plain)) }
            plain = ""
            parts.append(.groups(ReplacementTemplate.groups(name, pattern)))
        }
        plain += rest
        if !plain.isEmpty { parts.append(.text(plain)) }
    }

    /// True when nothing of the match is in it.
    var isConstant: Bool {
        parts.allSatisfy { if case .text = $0 { true } else { false } }
    }

    /// The text with groups put in.
    func expand(_ value: String, _ match: [Range<Int>?]) -> String {
        var result = ""
        for part in parts {
            switch part {
            case .text(let text): result += text
            case .groups(let numbers):
                guard let range = numbers.lazy.compactMap({ match[$0] }).first else { continue }
                let start = value.utf8.index(value.startIndex, offsetBy: range.lowerBound)
                let end = value.utf8.index(start, offsetBy: range.count)
                result += value[start..<end]
            }
        }
        return result
    }

    /// A name behind a dollar, and what follows; nil when there is none.
    private static func name(_ text: Substring) -> (name: Substring, rest: Substring)? {
        let isBraced = text.first == "{"
        let body = isBraced ? text.dropFirst() : text
        let name = body.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        guard !name.isEmpty else { return nil }
        let rest = body[name.endIndex...]
        guard isBraced else { return (name, rest) }
        guard rest.first == "}" else { return nil }
        return (name, rest.dropFirst())
    }

    private static func groups(_ name: Substring, _ pattern: Pattern) -> [Int] {
        let isNumber = name.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
        if isNumber, name.count == 1 || name.first != "0", let number = Int(name) {
            return number <= pattern.groupCount ? [number] : []
        }
        guard pattern.groupCount > 0 else { return [] }
        return (1...pattern.groupCount).filter { pattern.groupName($0) == String(name) }
    }
}
