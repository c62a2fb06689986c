import FoundationEssentials

/// Finds files by a pattern as shells know it: `*`, `?` and `[a-z]` within each part of a path.
struct FilePattern {
    let pattern: String

    /// The files and folders that are there under the pattern, in order of name.
    func paths() -> [String] {
        let parts = pattern.split(separator: "/", omittingEmptySubsequences: true).map(String.init)
        var found = [pattern.hasPrefix("/") ? "/" : ""]
        for part in parts {
            found = found.flatMap { FilePattern.entries(below: $0, matching: part) }
        }
        return found.filter { !$0.isEmpty }
    }

    private static func entries(below folder: String, matching part: String) -> [String] {
        func joined(_ name: String) -> String {
            folder.isEmpty || folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
        }
        guard part.contains(where: { "*?[\\".contains($0) }) else {
            let path = joined(part)
            return FileManager.default.fileExists(atPath: path) ? [path] : []
        }
        let place = folder.isEmpty ? "." : folder
        // A folder that cannot be listed holds nothing under the pattern; the caller says that nothing is found.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []
        return names.sorted().filter { matches(Array($0)[...], Array(part)[...]) }.map(joined)
    }

    /// True when the whole name is what the pattern stands for.
    static func matches(_ name: ArraySlice<Character>, _ pattern: ArraySlice<Character>) -> Bool {
        guard let first = pattern.first else { return name.isEmpty }
        let rest = pattern.dropFirst()
        switch first {
        case "*":
            return (0...name.count).contains { matches(name.dropFirst($0), rest) }
        case "?": return !name.isEmpty && matches(name.dropFirst(), rest)
        case "\\":
            guard let escaped = rest.first else { return name.elementsEqual(["\\"]) }
            return name.first == escaped && matches(name.dropFirst(), rest.dropFirst())
        case "[":
            guard let character = name.first, let (set, after) = characterClass(rest) else {
                return false
            }
            return set(character) && matches(name.dropFirst(), after)
        default: return name.first == first && matches(name.dropFirst(), rest)
        }
    }

    /// The test of a class whose bracket has been read, and what follows it; nil when it is not closed.
    private static func characterClass(
        _ pattern: ArraySlice<Character>
    ) -> (test: (Character) -> Bool, rest: ArraySlice<Character>)? {
        var rest = pattern
        let isNegated = rest.first == "^" || rest.first == "!"
        if isNegated { rest = rest.dropFirst() }
        var ranges: [ClosedRange<Character>] = []
        while let low = rest.popFirst() {
            if low == "]", !ranges.isEmpty {
                return ({ one in ranges.contains { $0.contains(one) } != isNegated }, rest)
            }
            guard rest.first == "-", let high = rest.dropFirst().first, high != "]" else {
                ranges.append(low...low)
                continue
            }
            rest = rest.dropFirst(2)
            ranges.append(min(low, high)...max(low, high))
        }
        return nil
    }
}
