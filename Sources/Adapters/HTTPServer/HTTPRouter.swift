/// Finds the route of a method and path.
struct HTTPRouter: Sendable {
    enum Match: Sendable {
        case found(Int, parameters: [String: String])
        /// The path exists, but not for this method; these methods it has.
        case methodNotAllowed(allow: String)
        case notFound
    }

    private enum Segment: Hashable {
        case literal(String)
        case capture
        /// The last one: what is left, at least one segment.
        case rest

        /// The more exact pattern is tried first.
        var rank: Int {
            switch self {
            case .literal: 0
            case .capture: 1
            case .rest: 2
            }
        }
    }

    private struct Target {
        var route: Int
        /// Names of the captures, in order; `*` for the rest.
        var names: [String]
    }

    private struct Pattern {
        var segments: [Segment]
        var targets: [String: Target] = [:]

        var isLiteral: Bool { segments.allSatisfy { $0.rank == 0 } }

        /// What the captures take of a path; nil when the pattern does not match.
        func captures(of path: [String]) -> [String]? {
            var taken: [String] = []
            for (index, segment) in segments.enumerated() {
                guard index < path.count else { return nil }
                switch segment {
                case .literal(let text): guard text == path[index] else { return nil }
                case .capture:
                    guard !path[index].isEmpty else { return nil }
                    taken.append(path[index])
                case .rest: return taken + [path[index...].joined(separator: "/")]
                }
            }
            return segments.count == path.count ? taken : nil
        }
    }

    private var literals: [[String]: Pattern] = [:]
    /// Patterns with captures, the more exact first.
    private var others: [Pattern] = []
    /// Methods that any route has, for `OPTIONS *`.
    let allow: String

    /// Traps on a malformed pattern and on a method and pattern given twice: routes are part of the program.
    init(_ routes: [HTTPRoute]) {
        var patterns: [[Segment]: Pattern] = [:]
        for (index, route) in routes.enumerated() {
            let (segments, names) = HTTPRouter.segments(route.pattern)
            var pattern = patterns[segments] ?? Pattern(segments: segments)
            let earlier = pattern.targets.updateValue(
                Target(route: index, names: names),
                forKey: route.method
            )
            precondition(earlier == nil, "\(route.method) \(route.pattern) is routed twice")
            patterns[segments] = pattern
        }
        allow = HTTPRouter.allow(Set(routes.map(\.method)))
        others = patterns.values.filter { !$0.isLiteral }.sorted { left, right in
            left.segments.map(\.rank).lexicographicallyPrecedes(right.segments.map(\.rank))
        }
        for pattern in patterns.values where pattern.isLiteral {
            let path = pattern.segments.map { if case .literal(let text) = $0 { text } else { "" } }
            literals[path] = pattern
        }
    }

    private static func segments(_ pattern: String) -> ([Segment], names: [String]) {
        precondition(pattern.hasPrefix("/"), "pattern \(pattern) begins with /")
        let texts = pattern.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        var segments: [Segment] = []
        var names: [String] = []
        for (index, text) in texts.enumerated() {
            if text == "*" {
                precondition(
                    index == texts.count - 1,
                    "only the last segment of \(pattern) may be *"
                )
                segments.append(.rest)
                names.append("*")
            } else if text.hasPrefix("{") && text.hasSuffix("}") {
                segments.append(.capture)
                names.append(String(text.dropFirst().dropLast()))
            } else {
                segments.append(.literal(String(text)))
            }
        }
        return (segments, names)
    }

    /// The most exact pattern that has the path and the method; HEAD falls back to GET.
    func match(_ method: String, _ path: [String]) -> Match {
        var methods: Set<String> = []
        if let pattern = literals[path] {
            if let target = HTTPRouter.target(pattern, method) {
                return .found(target.route, parameters: [:])
            }
            methods.formUnion(pattern.targets.keys)
        }
        for pattern in others {
            guard let captures = pattern.captures(of: path) else { continue }
            if let target = HTTPRouter.target(pattern, method) {
                let pairs = zip(target.names, captures)
                return .found(target.route, parameters: Dictionary(pairs) { $1 })
            }
            methods.formUnion(pattern.targets.keys)
        }
        return methods.isEmpty ? .notFound : .methodNotAllowed(allow: HTTPRouter.allow(methods))
    }

    private static func target(_ pattern: Pattern, _ method: String) -> Target? {
        pattern.targets[method] ?? (method == "HEAD" ? pattern.targets["GET"] : nil)
    }

    private static func allow(_ methods: Set<String>) -> String {
        let implied = methods.contains("GET") ? ["HEAD", "OPTIONS"] : ["OPTIONS"]
        return methods.union(implied).sorted().joined(separator: ", ")
    }
}
