/// One label of a series; two are equal when their bytes are.
package struct Label: Hashable, Sendable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }

    // Hashing stays the standard one: equal bytes have equal hashes.
    package static func == (left: Label, right: Label) -> Bool {
        left.value.hasSameBytes(as: right.value) && left.name.hasSameBytes(as: right.name)
    }
}

/// The labels of a series: sorted by name (byte order), names unique, no empty values.
///
/// A label that is missing and a label whose value is empty are the same thing, as in Prometheus.
package struct LabelSet: Hashable, Sendable {
    /// Sorted by name in byte order.
    package private(set) var labels: [Label]

    package static let metricName = "__name__"

    package init() { labels = [] }

    /// Sorts, drops empty values, and keeps the last of labels with one name.
    package init(_ labels: some Sequence<Label>) {
        var sorted = Array(labels)
        if !sorted.isEmpty, !LabelSet.ascends(sorted) {
            let order = sorted.indices.sorted { one, other in
                let (a, b) = (sorted[one].name, sorted[other].name)
                return a.hasSameBytes(as: b)
                    ? one < other : a.utf8.lexicographicallyPrecedes(b.utf8)
            }
            var kept: [Label] = []
            kept.reserveCapacity(sorted.count)
            for index in order {
                if let last = kept.last, last.name.hasSameBytes(as: sorted[index].name) {
                    kept.removeLast()
                }
                kept.append(sorted[index])
            }
            sorted = kept
        }
        sorted.removeAll { $0.value.isEmpty }
        self.labels = sorted
    }

    /// True when each name comes after the one before it in byte order.
    private static func ascends(_ labels: [Label]) -> Bool {
        for index in labels.indices.dropFirst() {
            let before = labels[index - 1].name.utf8
            guard before.lexicographicallyPrecedes(labels[index].name.utf8) else { return false }
        }
        return true
    }

    /// Takes labels that already are sorted, unique and without empty values.
    package init(sortedUnique labels: [Label]) {
        assert(
            zip(labels, labels.dropFirst()).allSatisfy {
                $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
            }
        )
        self.labels = labels
    }

    /// The value of `name`, empty when the label is missing.
    ///
    /// Setting an empty value removes the label.
    package subscript(name: String) -> String {
        get { labels.first { $0.name.hasSameBytes(as: name) }?.value ?? "" }
        set {
            let index = labels.firstIndex { !$0.name.utf8.lexicographicallyPrecedes(name.utf8) }
            if let index, labels[index].name.hasSameBytes(as: name) {
                if newValue.isEmpty {
                    labels.remove(at: index)
                } else {
                    labels[index].value = newValue
                }
            } else if !newValue.isEmpty {
                labels.insert(Label(name, newValue), at: index ?? labels.endIndex)
            }
        }
    }

    /// The metric name; empty when there is none.
    package var name: String { self[LabelSet.metricName] }

    package var isEmpty: Bool { labels.isEmpty }
    package var count: Int { labels.count }

    package func dropping(_ names: Set<String>) -> LabelSet {
        LabelSet(sortedUnique: labels.filter { !$0.name.isMember(of: names) })
    }

    package func keeping(_ names: Set<String>) -> LabelSet {
        LabelSet(sortedUnique: labels.filter { $0.name.isMember(of: names) })
    }

    package var withoutName: LabelSet { dropping([LabelSet.metricName]) }
}

extension LabelSet: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, String)...) {
        self.init(elements.map { Label($0.0, $0.1) })
    }
}

extension LabelSet: Comparable {
    /// Prometheus's order: pair by pair in byte order, then the shorter first.
    package static func < (left: LabelSet, right: LabelSet) -> Bool {
        // By index: iterating would copy, and so retain, four strings a label.
        for index in 0..<min(left.labels.count, right.labels.count) {
            if !left.labels[index].name.hasSameBytes(as: right.labels[index].name) {
                return left.labels[index].name.utf8.lexicographicallyPrecedes(
                    right.labels[index].name.utf8
                )
            }
            if !left.labels[index].value.hasSameBytes(as: right.labels[index].value) {
                return left.labels[index].value.utf8.lexicographicallyPrecedes(
                    right.labels[index].value.utf8
                )
            }
        }
        return left.labels.count < right.labels.count
    }
}

extension LabelSet: CustomStringConvertible {
    /// As PromQL writes it: `http_requests_total{code="500"}`, `{}` when empty.
    package var description: String {
        let pairs = labels.filter { $0.name != LabelSet.metricName }
            .map { "\($0.name)=\(LabelSet.quoted($0.value))" }
        guard !pairs.isEmpty || name.isEmpty else { return name }
        return "\(name){\(pairs.joined(separator: ", "))}"
    }

    /// `value` in double quotes with Go's escapes for quote, backslash and line breaks.
    package static func quoted(_ value: String) -> String {
        var result = "\""
        for scalar in value.unicodeScalars {
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

extension LabelSet: Codable {
    package init(from decoder: any Decoder) throws {
        let values = try decoder.singleValueContainer().decode([String: String].self)
        self.init(values.map { Label($0.key, $0.value) })
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(dictionary)
    }

    package var dictionary: [String: String] {
        Dictionary(labels.map { ($0.name, $0.value) }) { first, _ in first }
    }
}

extension LabelSet {
    /// 64-bit FNV-1a over name, 0xff, value, 0xff in byte order: Alertmanager's fingerprint.
    package var fingerprint: UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func mix(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        for label in labels {
            for byte in label.name.utf8 { mix(byte) }
            mix(0xff)
            for byte in label.value.utf8 { mix(byte) }
            mix(0xff)
        }
        return hash
    }

    /// `fingerprint` as 16 hexadecimal digits.
    package var fingerprintText: String {
        let digits = String(fingerprint, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
