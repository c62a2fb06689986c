/// The index a document is meant for, and the tag its records bear.
package struct IndexName: Hashable, Sendable {
    /// As the client wrote it.
    package let text: String
    /// The name without what changes by day or rollover: `logstash-2026.11.24` and `logstash-000007` are one
    /// stream, `logstash`.
    package let tag: String

    package init(_ text: String) {
        self.text = text
        tag = IndexName.tag(of: text)
    }

    /// Why Elasticsearch would make no index of this name, in its words; nil when it would.
    ///
    /// Date math, `<logs-{now/d}-000001>`, is judged by what stands between its angle brackets.
    ///
    /// - Source: Elasticsearch 8.17, Create index API, "Path parameters".
    static func fault(of name: String) -> String? {
        var plain = name[...]
        var forbidden = #"\/*?"<>|, #:"#
        if plain.hasPrefix("<"), plain.hasSuffix(">"), plain.utf8.count > 2 {
            plain = plain.dropFirst().dropLast()
            // Within braces stand the moment, its format and its zone.
            forbidden = #"\*?"<>, #"#
        }
        guard !plain.isEmpty, plain.utf8.count <= 255 else {
            return "it must have 1 to 255 bytes"
        }
        guard plain != ".", plain != ".." else { return "must not be '.' or '..'" }
        if let first = plain.first, "-_+".contains(first) {
            return "must not start with '_', '-', or '+'"
        }
        guard !plain.contains(where: { $0.isASCII && forbidden.contains($0) }),
            plain.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f })
        else {
            return "must not contain the following characters ['\\','/','*','?','\"','<','>','|',"
                + "' ',',','#',':']"
        }
        let isDateMath = plain.startIndex > name.startIndex
        guard isDateMath || !plain.contains(where: \.isUppercase) else {
            return "must be lowercase"
        }
        return nil
    }

    /// Cuts a date (`-2026.11.24`, `-2026-11-24`, `_20261124`, `-2026.11`, `-2026.48`, `-2026.11.24.07`) or
    /// a rollover number of six digits from the end, one after the other.
    ///
    /// A name that is nothing else stays as it is.
    private static func tag(of text: String) -> String {
        var rest = text[...]
        while let cut = cut(rest) {
            guard !cut.isEmpty else { break }
            rest = cut
        }
        return String(rest)
    }

    private static func cut(_ text: Substring) -> Substring? {
        let bytes = Array(text.utf8)
        func isDigit(_ index: Int) -> Bool { bytes[index] >= 0x30 && bytes[index] <= 0x39 }
        func isSeparator(_ index: Int) -> Bool {
            [UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ".")].contains(bytes[index])
        }
        // Groups of digits at the end, the last first, with what separates them.
        var groups: [Range<Int>] = []
        var end = bytes.count
        while end > 0, groups.count < 5 {
            var start = end
            while start > 0, isDigit(start - 1) { start -= 1 }
            guard start < end, start > 0, isSeparator(start - 1) else { break }
            groups.append(start..<end)
            end = start - 1
        }
        func number(_ range: Range<Int>) -> Int {
            bytes[range].reduce(0) { $0 * 10 + Int($1 - 0x30) }
        }
        func isYear(_ range: Range<Int>) -> Bool {
            range.count == 4 && (1970...2999).contains(number(range))
        }
        // A year and up to three parts of two digits behind it.
        for (place, group) in groups.enumerated().reversed() where isYear(group) && place <= 3 {
            guard groups[..<place].allSatisfy({ $0.count == 2 }) else { continue }
            return prefix(text, group.lowerBound - 1)
        }
        guard let last = groups.first else { return nil }
        let isDay = last.count == 8 && (1970...2999).contains(number(last) / 10000)
        return last.count == 6 || isDay ? prefix(text, last.lowerBound - 1) : nil
    }

    private static func prefix(_ text: Substring, _ count: Int) -> Substring {
        text[..<text.utf8.index(text.startIndex, offsetBy: count)]
    }
}
