import Model
import Spelling
import Timekeeping

extension MappingReader {
    /// The scalar under `key`, whatever its type; reports lists and mappings.
    package func string(_ key: String) -> String? {
        guard let value = node(key) else { return nil }
        guard let text = value.text else {
            report(key, "\"\(key)\" of \(what) must be text, not \(value.inWords)")
            return nil
        }
        return text
    }

    /// Like `string`, but reports when there is none or it is empty.
    package func requiredString(_ key: String) -> String? {
        guard required(key) != nil, let text = string(key) else { return nil }
        guard !text.isEmpty else {
            report(key, "\"\(key)\" of \(what) is empty; give it a value")
            return nil
        }
        return text
    }

    /// `true` or `false`.
    package func bool(_ key: String) -> Bool? {
        parsed(key, "true or false") { text in
            switch text {
            case "true", "True", "TRUE": true
            case "false", "False", "FALSE": false
            default: nil
            }
        }
    }

    /// A whole number within `range`, both ends included.
    package func integer(_ key: String, in range: ClosedRange<Int> = .min ... .max) -> Int? {
        guard let value = parsed(key, "a whole number", { Int($0) }) else { return nil }
        guard range.contains(value) else {
            report(
                key,
                "\"\(key)\" of \(what) is \(value); it must be "
                    + (range.upperBound == .max
                        ? "at least \(range.lowerBound)"
                        : "between \(range.lowerBound) and \(range.upperBound)")
            )
            return nil
        }
        return value
    }

    /// A finite number within `range`.
    package func number(
        _ key: String,
        in range: ClosedRange<Double> = -Double
            .greatestFiniteMagnitude...Double.greatestFiniteMagnitude
    ) -> Double? {
        guard let value = parsed(key, "a number", { Double($0) }) else { return nil }
        guard range.contains(value) else {
            report(
                key,
                "\"\(key)\" of \(what) is \(value); it must be between \(range.lowerBound) and "
                    + "\(range.upperBound)"
            )
            return nil
        }
        return value
    }

    /// A duration as Prometheus writes them (`30s`, `1h30m`) within `range`.
    package func duration(
        _ key: String,
        in range: ClosedRange<Duration> = .zero ... .milliseconds(Int64.max / 1_000_000)
    ) -> Duration? {
        let value = parsed(key, "a duration like 30s, 5m or 1h30m") { Duration(prometheus: $0) }
        guard let value else { return nil }
        guard range.contains(value) else {
            report(
                key,
                "\"\(key)\" of \(what) is \(value.prometheusText); it must be between "
                    + "\(range.lowerBound.prometheusText) and \(range.upperBound.prometheusText)"
            )
            return nil
        }
        return value
    }

    /// A number of bytes: `512`, `64KiB`, `256MiB`, `2GiB`, `1TiB`, or powers of ten as `kB`, `MB`, `GB`, `TB`.
    package func bytes(_ key: String, in range: ClosedRange<Int> = 0 ... .max) -> Int? {
        guard let value = parsed(key, "a size like 512, 64KiB or 2GiB", ByteSize.init(text:)) else {
            return nil
        }
        guard range.contains(value.bytes) else {
            report(
                key,
                "\"\(key)\" of \(what) is \(value.bytes) bytes; it must be "
                    + (range.upperBound == .max
                        ? "at least \(range.lowerBound)"
                        : "between \(range.lowerBound) and \(range.upperBound)")
            )
            return nil
        }
        return value.bytes
    }

    /// One of the names of a closed set; reports another with the nearest, or with all of them.
    package func choice<Value>(_ key: String, _ type: Value.Type = Value.self) -> Value?
    where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
        choice(key, among: Value.allCases.map { ($0.rawValue, $0) })
    }

    /// One of the named values; reports another with all the names.
    package func choice<Value>(_ key: String, among named: [(name: String, value: Value)]) -> Value?
    {
        guard let text = string(key) else { return nil }
        if let found = named.first(where: { $0.name == text }) { return found.value }
        let names = named.map(\.name)
        var message = "unknown \(key) \"\(text)\"; use one of \(names.joined(separator: ", "))"
        if let near = NearMiss.nearest(to: text, in: names), names.count > 4 {
            message = "unknown \(key) \"\(text)\"; did you mean \"\(near)\"?"
        }
        report(key, message)
        return nil
    }

    /// A list of scalars; a single scalar counts as a list of one.
    ///
    /// Empty when the key is not there.
    package func strings(_ key: String) -> [String] {
        if let single = node(key)?.text { return [single] }
        return list(key).compactMap { item in
            guard let text = item.text, !item.isNull else {
                problems.report(
                    item.location,
                    "\"\(key)\" of \(what) lists texts, not \(item.inWords)"
                )
                return nil
            }
            return text
        }
    }

    /// A mapping from names to scalars, a null value as the empty text.
    ///
    /// Empty when the key is not there.
    package func stringMap(_ key: String) -> [String: String] {
        guard let value = node(key) else { return [:] }
        guard let entries = value.entries else {
            report(
                key,
                "\"\(key)\" of \(what) must be a mapping (name: value), not \(value.inWords)"
            )
            return [:]
        }
        var result: [String: String] = [:]
        for entry in entries {
            guard let name = entry.key.text, let text = entry.value.text else {
                problems.report(
                    entry.value.location,
                    "\(entry.key.text ?? "a key") in \"\(key)\" of \(what) must be text, not "
                        + entry.value.inWords
                )
                continue
            }
            result[name] = entry.value.isNull ? "" : text
        }
        return result
    }

    /// A scalar that `parse` understands; reports another with what was expected.
    package func parsed<Value>(
        _ key: String,
        _ expected: String,
        _ parse: (String) -> Value?
    ) -> Value? {
        guard let value = node(key) else { return nil }
        guard let text = value.text else {
            report(key, "\"\(key)\" of \(what) must be \(expected), not \(value.inWords)")
            return nil
        }
        guard let result = parse(text) else {
            report(key, "\"\(key)\" of \(what) must be \(expected), not \"\(text)\"")
            return nil
        }
        return result
    }
}
