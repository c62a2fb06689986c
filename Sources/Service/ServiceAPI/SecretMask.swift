/// Takes passwords out of a text before it is shown.
///
/// Settings name files for secrets, so that the only place left for one is an address: `https://user:password@host`.
enum SecretMask {
    static let mask = "<secret>"

    static func masked(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { masked(line: $0) }
            .joined(separator: "\n")
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
