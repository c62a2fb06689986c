extension TemplateFunction {
    /// Go's own functions.
    static let builtins: [String: TemplateFunction] = [
        "and": TemplateFunction(1...Int.max) { arguments, _ throws(TemplateError) in
            arguments.first { !$0.isTrue } ?? arguments.last ?? .none
        },
        "or": TemplateFunction(1...Int.max) { arguments, _ throws(TemplateError) in
            arguments.first { $0.isTrue } ?? arguments.last ?? .none
        },
        "not": TemplateFunction(1) { arguments throws(TemplateError) in .bool(!arguments[0].isTrue)
        },
        "eq": TemplateFunction(2...Int.max) { arguments, _ throws(TemplateError) in
            for other in arguments.dropFirst() where try areEqual(arguments[0], other) {
                return .bool(true)
            }
            return .bool(false)
        },
        "ne": TemplateFunction(2) { arguments throws(TemplateError) in
            .bool(!(try areEqual(arguments[0], arguments[1])))
        },
        "lt": comparison {
            $0 < $1
        } strings: {
            $0 < $1
        },
        "le": comparison {
            $0 <= $1
        } strings: {
            $0 <= $1
        },
        "gt": comparison {
            $0 > $1
        } strings: {
            $0 > $1
        },
        "ge": comparison {
            $0 >= $1
        } strings: {
            $0 >= $1
        },
        "len": TemplateFunction(1) { arguments throws(TemplateError) in
            switch arguments[0] {
            case .string(let text): .int(text.utf8.count)
            case .list(let values): .int(values.count)
            case .map(let values): .int(values.count)
            case .none, .bool, .int, .float, .sample, .time, .duration:
                throw TemplateError("len of type \(arguments[0].kind)")
            }
        },
        "index": TemplateFunction(1...Int.max) { arguments, _ throws(TemplateError) in
            var value = arguments[0]
            for key in arguments.dropFirst() { value = try element(of: value, at: key) }
            return value
        },
        "print": TemplateFunction(0...Int.max) { arguments, _ throws(TemplateError) in
            .string(GoPrint.print(arguments))
        },
        "println": TemplateFunction(0...Int.max) { arguments, _ throws(TemplateError) in
            .string(arguments.map(\.text).joined(separator: " ") + "\n")
        },
        "printf": TemplateFunction(1...Int.max) { arguments, _ throws(TemplateError) in
            .string(GoPrint.format(try string(arguments[0]), Array(arguments.dropFirst())))
        },
        "html": TemplateFunction(1) { arguments throws(TemplateError) in
            .string(TextEscape.html(arguments[0].text))
        },
        "urlquery": TemplateFunction(1) { arguments throws(TemplateError) in
            .string(TextEscape.query(arguments[0].text))
        },
    ]

    private static func comparison(
        numbers: @escaping @Sendable (Double, Double) -> Bool,
        strings: @escaping @Sendable (String, String) -> Bool
    ) -> TemplateFunction {
        TemplateFunction(2) { arguments throws(TemplateError) in
            if case .string(let left) = arguments[0], case .string(let right) = arguments[1] {
                return .bool(strings(left, right))
            }
            guard let left = ordered(arguments[0]), let right = ordered(arguments[1]) else {
                throw TemplateError("incompatible types for comparison")
            }
            return .bool(numbers(left, right))
        }
    }

    /// A number that can be compared; an int with a float too, though Go refuses that.
    private static func ordered(_ value: TemplateValue) -> Double? {
        if case .string = value { nil } else { value.number }
    }

    private static func areEqual(
        _ left: TemplateValue,
        _ right: TemplateValue
    ) throws(TemplateError) -> Bool {
        if let left = ordered(left), let right = ordered(right) { return left == right }
        switch (left, right) {
        case (.string(let left), .string(let right)): return left == right
        case (.bool(let left), .bool(let right)): return left == right
        case (.time(let left), .time(let right)): return left == right
        case (.none, _), (_, .none): return left == right
        default: throw TemplateError("incompatible types for comparison")
        }
    }

    private static func element(
        of value: TemplateValue,
        at key: TemplateValue
    ) throws(TemplateError) -> TemplateValue {
        switch (value, key) {
        case (.map, .string(let name)): return value.field(name) ?? .none
        case (.list(let values), .int(let index)):
            guard values.indices.contains(index) else {
                throw TemplateError("index out of range: \(index)")
            }
            return values[index]
        default: throw TemplateError("can't index item of type \(value.kind)")
        }
    }
}
