package import Model
import Spelling

/// Reads one mapping strictly: typed values by key, every problem reported with its place.
///
/// Asking for a key makes it known; `finish` reports the keys nobody asked for. A value of null (nothing after
/// the colon) is the same as a key that is not there. After a reported problem a getter returns nil, so that
/// loading goes on and finds the rest.
///
///     let map = MappingReader(node, "a receiver", problems)
///     let name = map.requiredString("name")
///     let wait = map.duration("group_wait", in: .zero ... .seconds(3600)) ?? .seconds(30)
///     map.finish()
package final class MappingReader {
    package let location: SourceLocation
    /// What the mapping describes, with its article: `a rule group`.
    package let what: String
    package let problems: DiagnosticCollector
    private let entries: [YAMLEntry]
    private let isMapping: Bool
    private var known: [String] = []

    /// Reports a node that is no mapping; null reads as an empty one.
    package init(_ node: YAMLNode, _ what: String, _ problems: DiagnosticCollector) {
        location = node.location
        self.what = what
        self.problems = problems
        isMapping = node.entries != nil || node.isNull
        entries = node.entries ?? []
        if !isMapping {
            problems.report(
                node.location,
                "\(what) must be a mapping (key: value), not \(node.inWords)"
            )
        }
    }

    /// The keys that are there, in file order.
    package var keys: [YAMLNode] { entries.map(\.key) }

    /// True when the key is there and not null.
    package func has(_ key: String) -> Bool { node(key) != nil }

    /// The value under `key`; nil when it is not there or null.
    package func node(_ key: String) -> YAMLNode? {
        if !known.contains(key) { known.append(key) }
        guard let value = entries.first(where: { $0.key.text == key })?.value, !value.isNull else {
            return nil
        }
        return value
    }

    /// Where the key stands; the mapping's own place when it is not there.
    package func keyLocation(_ key: String) -> SourceLocation {
        entries.first { $0.key.text == key }?.key.location ?? location
    }

    /// The value under `key`; reports when there is none.
    package func required(_ key: String) -> YAMLNode? {
        let value = node(key)
        if value == nil, isMapping {
            problems.report(
                entries.contains { $0.key.text == key } ? keyLocation(key) : location,
                "\(what) needs \"\(key)\"; add it"
            )
        }
        return value
    }

    /// Reports a problem with the value under `key`, or with the mapping when there is no such key.
    package func report(_ key: String, _ message: String) {
        problems.report(
            entries.first { $0.key.text == key }?.value.location ?? location,
            message
        )
    }

    /// Reports every key that no getter asked for, with the nearest known one.
    package func finish() {
        guard !problems.ignoresUnknownKeys else { return }
        for entry in entries {
            guard let key = entry.key.text, !known.contains(key) else { continue }
            let advice =
                if let near = NearMiss.nearest(to: key, in: known) {
                    "did you mean \"\(near)\"?"
                } else {
                    "known keys: \(known.sorted().joined(separator: ", "))"
                }
            problems.report(entry.key.location, "unknown key \"\(key)\" in \(what); \(advice)")
        }
    }

    // MARK: Nested mappings and lists

    /// The mapping under `key`, to be finished by the caller.
    package func mapping(_ key: String, _ what: String) -> MappingReader? {
        node(key).map { MappingReader($0, what, problems) }
    }

    /// The items of the list under `key`; empty when it is not there.
    package func list(_ key: String) -> [YAMLNode] {
        guard let value = node(key) else { return [] }
        guard let items = value.items else {
            problems.report(
                value.location,
                "\"\(key)\" of \(what) must be a list, not \(value.inWords)"
            )
            return []
        }
        return items
    }

    /// The mappings in the list under `key`, each to be finished by the caller.
    package func mappings(_ key: String, _ what: String) -> [MappingReader] {
        list(key).map { MappingReader($0, what, problems) }
    }
}
