import Model
import YAML

/// Replaces `${NAME}` in every value of a settings tree; `$$` stands for a dollar.
///
/// `${1}` is no name of a variable but a group of a relabel rule's match, and stays.
struct EnvironmentExpansion {
    let environment: [String: String]

    /// The tree with values replaced; reports names that are not set.
    func expand(_ node: YAMLNode, _ problems: DiagnosticCollector) -> YAMLNode {
        var node = node
        switch node.content {
        case .scalar(var scalar):
            scalar.text = expand(scalar.text, at: node.location, problems)
            node.content = .scalar(scalar)
        case .sequence(let items):
            node.content = .sequence(items.map { expand($0, problems) })
        case .mapping(let entries):
            node.content = .mapping(
                entries.map { YAMLEntry(key: $0.key, value: expand($0.value, problems)) }
            )
        }
        return node
    }

    private func expand(
        _ text: String,
        at location: SourceLocation,
        _ problems: DiagnosticCollector
    ) -> String {
        guard text.contains("$") else { return text }
        var result = ""
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            rest = rest[rest.index(after: dollar)...]
            if rest.hasPrefix("$") {
                result += "$"
                rest = rest.dropFirst()
            } else if rest.hasPrefix("{"), let end = rest.firstIndex(of: "}") {
                let name = String(rest[rest.index(after: rest.startIndex)..<end])
                if let digit = name.utf8.first, digit >= 0x30, digit <= 0x39 {
                    result += "${\(name)}"
                } else if let value = environment[name] {
                    result += value
                } else {
                    problems.report(
                        location,
                        "environment variable \(name) is not set; export it, or write the value here"
                    )
                }
                rest = rest[rest.index(after: end)...]
            } else {
                result += "$"
            }
        }
        return result + rest
    }
}
