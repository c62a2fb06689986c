import Matching

/// Text functions of templates.
enum TemplateText {
    /// The first letter of each word in upper case, as Go's strings.Title.
    static func title(_ text: String) -> String {
        var result = ""
        var previous: Character = " "
        for character in text {
            let starts =
                !(previous.isLetter || previous.isNumber || previous == "_" || previous == "'")
            result += starts ? character.uppercased() : String(character)
            previous = character
        }
        return result
    }

    /// `host` for `host:port`; anything else as it is.
    static func withoutPort(_ text: String) -> String { split(text)?.host ?? text }

    /// `db1:5432` for `db1.example.com:5432`; addresses stay.
    static func withoutDomain(_ text: String) -> String {
        let (host, port) = split(text) ?? (text, "")
        let isAddress = host.contains(":") || host.allSatisfy { $0.isNumber || $0 == "." }
        guard !isAddress, let dot = host.firstIndex(of: ".") else { return text }
        return String(host[..<dot]) + (port.isEmpty ? "" : ":" + port)
    }

    private static func split(_ text: String) -> (host: String, port: String)? {
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            let rest = text[text.index(after: end)...]
            guard rest.first == ":" else { return nil }
            return (
                String(text[text.index(after: text.startIndex)..<end]), String(rest.dropFirst())
            )
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
    }

    /// The path of an address: `/prometheus` of `https://host/prometheus`.
    static func path(ofURL address: String) -> String {
        var rest = Substring(address)
        if let scheme = rest.firstRange(of: "://") { rest = rest[scheme.upperBound...] }
        guard let slash = rest.firstIndex(of: "/") else { return "" }
        return String(rest[slash...].prefix { $0 != "?" && $0 != "#" })
    }

    /// How many bytes replacing may make of a text.
    static let replacedBytesMax = 1 << 20

    /// Every match replaced; `$1`, `${1}`, `$name` stand for groups and `$$` for a dollar, as in Go.
    ///
    /// - Throws: `TemplateError` when the text grows past `replacedBytesMax`.
    static func replacing(
        _ pattern: Pattern,
        with replacement: String,
        in text: String
    ) throws(TemplateError) -> String {
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        var position = 0
        var copied = 0
        while position <= bytes.count, let groups = pattern.groups(in: bytes.span, from: position),
            let whole = groups[0]
        {
            // An empty match right behind another match is none, as in Go.
            if !whole.isEmpty || whole.lowerBound != copied || copied == 0 {
                result += bytes[copied..<whole.lowerBound]
                try expand(replacement, groups, pattern, bytes, into: &result)
                copied = whole.upperBound
            }
            position = whole.upperBound
            if whole.isEmpty {
                // Step over one character, not one byte.
                position += 1
                while position < bytes.count, bytes[position] & 0xc0 == 0x80 { position += 1 }
            }
        }
        result += bytes[copied...]
        return String(decoding: result, as: UTF8.self)
    }

    private static func expand(
        _ replacement: String,
        _ groups: [Range<Int>?],
        _ pattern: Pattern,
        _ bytes: [UInt8],
        into result: inout [UInt8]
    ) throws(TemplateError) {
        var rest = Substring(replacement)
        while let dollar = rest.firstIndex(of: "$") {
            result += Array(rest[..<dollar].utf8)
            rest = rest[rest.index(after: dollar)...]
            if rest.first == "$" {
                result.append(UInt8(ascii: "$"))
                rest.removeFirst()
                continue
            }
            let isBraced = rest.first == "{"
            let name = (isBraced ? rest.dropFirst() : rest).prefix {
                $0.isLetter || $0.isNumber || $0 == "_"
            }
            let after = rest.dropFirst(name.count + (isBraced ? 1 : 0))
            guard !name.isEmpty, !isBraced || after.first == "}" else {
                result.append(UInt8(ascii: "$"))
                continue
            }
            rest = isBraced ? after.dropFirst() : after
            let number =
                Int(name) ?? (1..<groups.count).first { pattern.groupName($0) == String(name) }
            if let number, groups.indices.contains(number), let range = groups[number] {
                result += bytes[range]
            }
            // Groups may be long and named often, so the limit is looked at after each.
            guard result.count <= replacedBytesMax else {
                throw TemplateError("the text is longer than \(replacedBytesMax) bytes")
            }
        }
        result += Array(rest.utf8)
        guard result.count <= replacedBytesMax else {
            throw TemplateError("the text is longer than \(replacedBytesMax) bytes")
        }
    }
}
