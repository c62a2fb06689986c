/// Go's fmt.Sprint and fmt.Sprintf over template values.
enum GoPrint {
    /// Operands are joined, with a space between two of which neither is a string.
    static func print(_ values: [TemplateValue]) -> String {
        var text = ""
        for (index, value) in values.enumerated() {
            if index > 0, !isString(value), !isString(values[index - 1]) { text += " " }
            text += value.text
        }
        return text
    }

    private static func isString(_ value: TemplateValue) -> Bool {
        if case .string = value { true } else { false }
    }

    /// The parts of one verb: `%-08.3f`.
    private struct Verb {
        var flags: Set<Character> = []
        var width: Int?
        var precision: Int?
        var letter: Character
    }

    /// Width and precision that a template may ask for.
    private static let widthMax = 1000

    static func format(_ format: String, _ values: [TemplateValue]) -> String {
        var text = ""
        var rest = Substring(format)
        var next = 0
        while let percent = rest.firstIndex(of: "%") {
            text += rest[..<percent]
            rest = rest[rest.index(after: percent)...]
            guard let verb = verb(&rest) else { return text + "%!(NOVERB)" }
            if verb.letter == "%" {
                text += "%"
            } else if next < values.count {
                text += padded(verb, values[next])
                next += 1
            } else {
                text += "%!\(verb.letter)(MISSING)"
            }
        }
        text += rest
        if next < values.count {
            let extra = values[next...].map { "\($0.kind)=\($0.text)" }.joined(separator: ", ")
            text += "%!(EXTRA \(extra))"
        }
        return text
    }

    private static func verb(_ rest: inout Substring) -> Verb? {
        var flags: Set<Character> = []
        while let character = rest.first, "+-# 0".contains(character) {
            flags.insert(character)
            rest.removeFirst()
        }
        let width = number(&rest)
        var precision: Int?
        if rest.first == "." {
            rest.removeFirst()
            precision = number(&rest) ?? 0
        }
        guard let letter = rest.popFirst() else { return nil }
        return Verb(flags: flags, width: width, precision: precision, letter: letter)
    }

    private static func number(_ rest: inout Substring) -> Int? {
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        rest = rest.dropFirst(digits.count)
        return digits.isEmpty ? nil : min(Int(digits) ?? widthMax, widthMax)
    }

    private static func padded(_ verb: Verb, _ value: TemplateValue) -> String {
        var text = formatted(verb, value)
        guard let width = verb.width, text.count < width else { return text }
        let missing = width - text.count
        if verb.flags.contains("-") { return text + String(repeating: " ", count: missing) }
        guard verb.flags.contains("0"), value.isNumeric else {
            return String(repeating: " ", count: missing) + text
        }
        let sign = text.first == "-" || text.first == "+" ? String(text.removeFirst()) : ""
        return sign + String(repeating: "0", count: missing) + text
    }

    private static func formatted(_ verb: Verb, _ value: TemplateValue) -> String {
        let plus = verb.flags.contains("+")
        switch (verb.letter, value) {
        case ("v", .string), ("s", .string):
            return verb.precision.map { String(value.text.prefix($0)) } ?? value.text
        case ("v", .float(let number)), ("g", .float(let number)), ("G", .float(let number)):
            let text =
                verb.precision.map { GoNumber.general(number, precision: $0) }
                ?? GoNumber.shortest(number)
            return signed(verb.letter == "G" ? text.uppercased() : text, plus && number >= 0)
        case ("f", .float(let number)), ("F", .float(let number)), ("e", .float(let number)),
            ("E", .float(let number)):
            let text = GoNumber.formatted(
                number,
                verb: verb.letter,
                precision: verb.precision ?? 6
            )
            return signed(text, plus && number >= 0)
        case ("v", .int(let number)), ("d", .int(let number)):
            return signed("\(number)", plus && number >= 0)
        case ("x", .int(let number)): return String(number, radix: 16)
        case ("X", .int(let number)): return String(number, radix: 16, uppercase: true)
        case ("o", .int(let number)): return String(number, radix: 8)
        case ("b", .int(let number)): return String(number, radix: 2)
        case ("c", .int(let number)):
            return Unicode.Scalar(UInt32(truncatingIfNeeded: number)).map { String(Character($0)) }
                ?? "\u{fffd}"
        case ("q", .string(let text)): return GoPrint.quoted(text)
        case ("x", .string(let text)):
            return text.utf8.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
                .joined()
        case ("t", .bool): return value.text
        case ("v", _): return value.text
        case ("s", .time), ("s", .duration), ("s", .map), ("s", .list), ("s", .sample):
            return value.text
        default: return "%!\(verb.letter)(\(value.kind)=\(value.text))"
        }
    }

    private static func signed(_ text: String, _ plus: Bool) -> String {
        plus && text.first != "+" ? "+" + text : text
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

extension TemplateValue {
    fileprivate var isNumeric: Bool {
        switch self {
        case .int, .float: true
        case .none, .bool, .string, .map, .list, .sample, .time, .duration: false
        }
    }
}
