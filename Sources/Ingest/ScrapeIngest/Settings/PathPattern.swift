import Glibc

/// Paths whose last part may hold `*` and `?`.
enum PathPattern {
    /// True for what Prometheus takes: `*` in the last part alone, and an ending that says the format.
    static func isUsable(_ path: String) -> Bool {
        [".json", ".yml", ".yaml"].contains { path.hasSuffix($0) }
            && !path.folder.contains { $0 == "*" || $0 == "?" || $0 == "[" }
    }

    /// The files that there are, in order of name; a path without `*` is itself, be it there or not.
    static func files(_ path: String) -> [String] {
        let folder = path.folder
        let pattern = String(path.dropFirst(folder.count))
        guard pattern.contains(where: { $0 == "*" || $0 == "?" || $0 == "[" }) else {
            return [path]
        }
        guard let listing = unsafe opendir(folder.isEmpty ? "." : folder) else { return [] }
        defer { unsafe closedir(listing) }
        var found: [String] = []
        while let entry = unsafe readdir(listing) {
            // The name ends with a zero within the entry.
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(
                    to: CChar.self,
                    capacity: MemoryLayout.size(ofValue: entry.pointee.d_name)
                ) { unsafe String(cString: $0) }
            }
            guard unsafe fnmatch(pattern, name, FNM_PERIOD) == 0 else { continue }
            found.append(folder + name)
        }
        return found.sorted()
    }
}
