/// Which parts of an answer a client wants: Elasticsearch's `filter_path`.
///
/// Patterns of names between dots, separated by commas; `*` stands for any part of a name, `**` for any names, a
/// pattern that begins with `-` takes away.
package struct ReplyFilter: Hashable, Sendable {
    private var wanted: [[String]] = []
    private var unwanted: [[String]] = []

    /// Everything.
    package static let everything = ReplyFilter()

    private init() {}

    /// Reads the parameter's value; nil and nothing mean everything.
    package init(_ text: String?) {
        // A dozen patterns are usual; more than a few hundred are no question.
        for pattern in (text ?? "").split(separator: ",").prefix(256) {
            let isUnwanted = pattern.hasPrefix("-")
            let names = (isUnwanted ? pattern.dropFirst() : pattern).split(separator: ".")
                .map { String($0.filter { $0 != " " }) }
            guard !names.isEmpty, names.count <= 16 else { continue }
            if isUnwanted { unwanted.append(names) } else { wanted.append(names) }
        }
    }

    package var isEverything: Bool { wanted.isEmpty && unwanted.isEmpty }

    /// Whether the value at a path of names, the outermost first, is in the answer.
    package func contains(_ path: [String]) -> Bool {
        func isUnder(_ patterns: [[String]]) -> Bool {
            patterns.contains { ReplyFilter.matches($0[...], path[...]) }
        }
        return !isUnder(unwanted) && (wanted.isEmpty || isUnder(wanted))
    }

    /// True when the pattern names the path or something that holds it.
    private static func matches(_ pattern: ArraySlice<String>, _ path: ArraySlice<String>) -> Bool {
        guard let name = pattern.first else { return true }
        if name == "**" {
            // Behind `**` any number of names, none among them, may be passed.
            return (path.startIndex...path.endIndex).contains {
                matches(pattern.dropFirst(), path[$0...])
            }
        }
        guard let own = path.first, matches(Array(name.utf8), Array(own.utf8)) else { return false }
        return matches(pattern.dropFirst(), path.dropFirst())
    }

    /// A name with `*` against a name, in linear space and without backtracking over more than one star.
    private static func matches(_ pattern: [UInt8], _ name: [UInt8]) -> Bool {
        var (p, n) = (0, 0)
        var star: (p: Int, n: Int)?
        while n < name.count {
            if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
                star = (p, n)
                p += 1
            } else if p < pattern.count, pattern[p] == name[n] {
                p += 1
                n += 1
            } else if let last = star {
                p = last.p + 1
                n = last.n + 1
                star = (last.p, last.n + 1)
            } else {
                return false
            }
        }
        return pattern[p...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
