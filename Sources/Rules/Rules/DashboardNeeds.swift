import Buffers
import FoundationEssentials
package import Model
import PromQLSyntax
import YAML

/// What the queries of Grafana dashboards read, so that a pull source fetches it too.
package struct DashboardNeeds: Sendable {
    /// Each selector, read by `dashboard/<title>` at P4.
    package private(set) var needs: [SelectorNeed] = []
    /// Queries that are no PromQL once variables are filled in; they are passed over.
    package private(set) var notes: [Diagnostic] = []

    /// Longest dashboard.
    package static let bytesMax = 8 << 20
    /// Deepest nesting of panels that is looked into.
    package static let depthMax = 32

    /// Reads dashboards: JSON files as Grafana exports them, or folders of such.
    ///
    /// - Parameter paths: As the settings name them.
    /// - Throws: Every file that cannot be read or is no JSON.
    package init(paths: [String]) throws(DiagnosticList) {
        var problems: [Diagnostic] = []
        for path in paths {
            for file in DashboardNeeds.files(path) {
                let place = SourceLocation(file: file, line: 1, column: 1)
                do {
                    let bytes = try WholeFile.bytes(at: file, bytesMax: Self.bytesMax)
                    // JSON is read as YAML, which keeps the places of queries.
                    let root = try YAMLParser.parse(bytes, file: file)
                    add(root)
                } catch let error as YAMLError {
                    problems += error.diagnostics
                } catch {
                    problems.append(Diagnostic(place, "the dashboard cannot be read: \(error)"))
                }
            }
        }
        guard problems.isEmpty else { throw DiagnosticList(problems) }
    }

    /// Adds the queries of one dashboard.
    private mutating func add(_ root: YAMLNode) {
        let title = root["title"]?.text ?? root["dashboard"]?["title"]?.text ?? "untitled"
        collect(root, NeedReader(name: "dashboard/\(title)", priority: .p4), depth: 0)
    }

    private mutating func collect(_ node: YAMLNode, _ reader: NeedReader, depth: Int) {
        guard depth <= Self.depthMax else { return }
        for item in node.items ?? [] { collect(item, reader, depth: depth + 1) }
        for entry in node.entries ?? [] {
            if entry.key.text == "expr", let text = entry.value.text {
                add(text, at: entry.value.location, reader)
            } else {
                collect(entry.value, reader, depth: depth + 1)
            }
        }
    }

    private mutating func add(_ text: String, at place: SourceLocation, _ reader: NeedReader) {
        guard !text.isEmpty else { return }
        do {
            for var need in try PromQLParser.parse(Self.withoutVariables(text)).selectorNeeds {
                // What a variable selects is known to Grafana alone: all of it.
                need.matchers.removeAll { $0.value.contains("$") || $0.value.contains("[[") }
                guard !need.matchers.isEmpty else { continue }
                need.readers = [reader]
                needs.append(need)
            }
        } catch {
            notes.append(Diagnostic(place, "the query is not read for its series: \(error)"))
        }
    }

    /// The query with five minutes for each variable that stands for a duration.
    static func withoutVariables(_ text: String) -> String {
        var result = ""
        var rest = text[...]
        while let open = rest.firstIndex(of: "[") {
            result += rest[...open]
            rest = rest[rest.index(after: open)...]
            guard let close = rest.firstIndex(of: "]") else { break }
            let inside = rest[..<close]
            result += inside.split(separator: ":", omittingEmptySubsequences: false)
                .map { $0.contains("$") ? "5m" : String($0) }.joined(separator: ":")
            rest = rest[close...]
        }
        return result + rest
    }

    /// A file itself, or the JSON files in a folder, by name.
    private static func files(_ path: String) -> [String] {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
            return [path]
        }
        return names.filter { $0.hasSuffix(".json") }.sorted().map { "\(path)/\($0)" }
    }
}
