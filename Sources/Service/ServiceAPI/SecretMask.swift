/// Takes passwords out of a text before it is shown.
///
/// Settings name files for secrets, so that the only places left for one are an address, `https://user:password@host`,
/// and the credentials of a scrape config, of which the whole value goes, on its own line or below.
enum SecretMask {
    static let mask = "<secret>"

    /// Keys of a scrape config whose values are secret.
    private static let secretKeys = ["password", "bearer_token", "credentials", "secrets"]

    static func masked(_ text: String) -> String {
        var lines: [String] = []
        /// Where a secret's key begins while its value may go on below, as an item of a list or further right.
        var column: Int?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let indent = line.prefix { $0 == " " }.count
            let isBlank = line.allSatisfy { $0.isWhitespace }
            if let key = column, !isBlank {
                let isItem = indent == key && line.dropFirst(indent).hasPrefix("- ")
                guard indent <= key, !isItem else {
                    lines.append(line.prefix(indent) + mask)
                    continue
                }
                column = nil
            }
            guard let found = secret(line) else {
                lines.append(masked(line: line))
                continue
            }
            lines.append(line[..<found.value] + " " + mask)
            column = found.column
        }
        return lines.joined(separator: "\n")
    }

    /// Where a secret's key begins, and its value behind the colon; nil when the line has no such key.
    private static func secret(_ line: Substring) -> (column: Int, value: Substring.Index)? {
        var rest = line
        while let colon = rest.firstIndex(of: ":") {
            let behind = rest.index(after: colon)
            let key = String(
                rest[..<colon].reversed().drop { " \"'".contains($0) }
                    .prefix { $0.isLetter || $0 == "_" }.reversed()
            )
            if secretKeys.contains(key) {
                let end = line.distance(from: line.startIndex, to: colon)
                return (max(0, end - key.count), behind)
            }
            rest = rest[behind...]
        }
        return nil
    }

    private static func masked(line: Substring) -> String {
        var result = ""
        var rest = line
        while let scheme = rest.firstRange(of: "://") {
            result += rest[..<scheme.upperBound]
            rest = rest[scheme.upperBound...]
            let authority = rest.prefix { !$0.isWhitespace && !"/?#\"'".contains($0) }
            guard let at = authority.lastIndex(of: "@"),
                let colon = authority[..<at].firstIndex(of: ":")
            else { continue }
            result += authority[...colon] + mask
            rest = rest[at...]
        }
        return result + rest
    }
}
