package import Timekeeping

/// One element of a query's result inside a template.
package struct TemplateSample: Hashable, Sendable {
    package var labels: [String: String]
    package var value: Double

    package init(labels: [String: String], value: Double) {
        self.labels = labels
        self.value = value
    }
}

/// A value while a template is expanded; the kinds that Go's templates tell apart.
package indirect enum TemplateValue: Hashable, Sendable {
    case none
    case bool(Bool)
    case int(Int)
    case float(Double)
    case string(String)
    case map([String: TemplateValue])
    case list([TemplateValue])
    case sample(TemplateSample)
    case time(Timestamp)
    case duration(Duration)
}

extension TemplateValue {
    package init(_ labels: [String: String]) {
        self = .map(labels.mapValues { .string($0) })
    }

    /// What `if` takes for true: anything but an empty or zero value.
    var isTrue: Bool {
        switch self {
        case .none: false
        case .bool(let value): value
        case .int(let value): value != 0
        case .float(let value): value != 0
        case .string(let value): !value.isEmpty
        case .map(let value): !value.isEmpty
        case .list(let value): !value.isEmpty
        case .duration(let value): value != .zero
        case .sample, .time: true
        }
    }

    /// As Go's `%v` prints it.
    var text: String {
        switch self {
        case .none: "<no value>"
        case .bool(let value): value ? "true" : "false"
        case .int(let value): "\(value)"
        case .float(let value): GoNumber.shortest(value)
        case .string(let value): value
        case .map(let value):
            "map[\(value.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value.text)" }.joined(separator: " "))]"
        case .list(let value): "[\(value.map(\.text).joined(separator: " "))]"
        case .sample(let value):
            "{\(TemplateValue(value.labels).text) \(GoNumber.shortest(value.value))}"
        case .time(let value): GoNumber.time(value)
        case .duration(let value): GoNumber.duration(value)
        }
    }

    /// About how many bytes `text` has, without making it; counting ends past `limit`.
    ///
    /// Values share their parts, so that the text of a small one may be very long.
    func textBytes(upTo limit: Int) -> Int {
        var sum = 2
        switch self {
        case .string(let value): return value.utf8.count
        case .none, .bool, .int, .float, .time, .duration: return 16
        case .map(let values):
            for (key, value) in values where sum <= limit {
                sum += key.utf8.count + 2 + value.textBytes(upTo: limit - sum)
            }
        case .list(let values):
            for value in values where sum <= limit {
                sum += 1 + value.textBytes(upTo: limit - sum)
            }
        case .sample(let sample):
            for (name, value) in sample.labels { sum += name.utf8.count + value.utf8.count + 2 }
        }
        return sum
    }

    /// What Go calls it, for messages.
    var kind: String {
        switch self {
        case .none: "nil"
        case .bool: "bool"
        case .int: "int"
        case .float: "float64"
        case .string: "string"
        case .map: "map"
        case .list: "slice"
        case .sample: "sample"
        case .time: "time.Time"
        case .duration: "time.Duration"
        }
    }

    /// The number that the humanizing functions take it for: numbers, durations in seconds, numeric strings.
    var number: Double? {
        switch self {
        case .int(let value): Double(value)
        case .float(let value): value
        case .duration(let value): value.inSeconds
        case .string(let value): GoNumber.parse(value)
        case .none, .bool, .map, .list, .sample, .time: nil
        }
    }

    /// The value of a field or map key; nil when there is no such field.
    ///
    /// A key that a map of labels does not have is the empty string, as Prometheus sets its templates.
    func field(_ name: String) -> TemplateValue? {
        switch self {
        case .map(let values):
            if let value = values[name] { return value }
            let isLabels = values.values.allSatisfy { if case .string = $0 { true } else { false } }
            return isLabels ? .string("") : TemplateValue.none
        case .sample(let sample):
            switch name {
            case "Labels": return TemplateValue(sample.labels)
            case "Value": return .float(sample.value)
            default: return nil
            }
        case .none, .bool, .int, .float, .string, .list, .time, .duration: return nil
        }
    }
}
