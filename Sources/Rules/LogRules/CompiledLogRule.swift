import Matching
import Model
import Timekeeping

/// A rule, ready to judge records.
struct CompiledLogRule: Sendable {
    let definition: LogRuleDefinition
    let settings: LogRuleSettings
    let filter: LogFilterTest
    /// In milliseconds; at least 1.
    let timeframe: Int64
    /// `every` in milliseconds.
    let step: Int64
    /// Steps in a timeframe, rounded up.
    let panes: Int
    /// The entries of a black or white list.
    let list: Set<String>
    private let keys: [FieldPath]
    private let fields: [FieldPath]
    private let number: FieldPath?
    private let match: LogFilterTest?

    /// The key of rules that have none, as ElastAlert calls it.
    static let allKeys = "all"

    /// - Throws: When a pattern in its filters is none.
    init(_ definition: LogRuleDefinition, settings: LogRuleSettings) throws(PatternError) {
        self.definition = definition
        self.settings = settings
        filter = try LogFilterTest(definition.filter)
        timeframe = definition.timeframe.milliseconds
        step = max(1, definition.every.milliseconds)
        panes = Int(clamping: max(1, (max(timeframe, 1) + step - 1) / step))
        keys = definition.keys.map { FieldPath($0) }
        var names: [String] = []
        var number: String?
        var match: LogFilterTest?
        var list: Set<String> = []
        switch definition.kind {
        case .any, .frequency, .flatline: break
        case .spike(_, let field): number = field
        case .change(let fields, _): names = fields
        case .blacklist(let field, let values):
            names = [field]
            list = Set(values)
        case .whitelist(let field, let values, _):
            names = [field]
            list = Set(values)
        case .newTerm(let fields, _, _, _): names = fields.flatMap { $0 }
        case .cardinality(let field, _, _): names = [field]
        case .metricAggregation(let field, _, _, _), .spikeAggregation(let field, _, _):
            names = [field]
            number = field
        case .percentageMatch(let filter, _, _, _): match = try LogFilterTest(filter)
        }
        fields = names.map { FieldPath($0) }
        self.number = number.map { FieldPath($0) }
        self.match = match
        self.list = list
    }

    /// True for a spike of a field's mean.
    var isFieldSpike: Bool {
        if case .spike(_, field: .some) = definition.kind { true } else { false }
    }

    /// What a record is to the rule; nil when the filter does not let it through.
    func event(_ event: inout LogEvent) -> RuleEvent? {
        guard filter.holds(&event) else { return nil }
        var made = RuleEvent(
            at: event.record.eventTime.milliseconds,
            key: CompiledLogRule.allKeys,
            values: []
        )
        if !keys.isEmpty {
            var parts: [String] = []
            for key in keys { parts.append(event.value(key)?.text ?? "") }
            made.key = parts.joined(separator: ", ")
        }
        for field in fields {
            let value = event.value(field)
            made.values.append(value == .null ? nil : value?.text)
        }
        if let number { made.number = event.value(number)?.numeric }
        if let match { made.isCounted = match.holds(&event) }
        return made
    }

    /// The values of the keys, by name, from a joined key.
    func keyLabels(_ key: String) -> [(name: String, value: String)] {
        guard !definition.keys.isEmpty else { return [] }
        guard definition.keys.count > 1 else {
            return [(CompiledLogRule.labelName(definition.keys[0]), key)]
        }
        let values = key.split(separator: ", ", omittingEmptySubsequences: false)
        guard values.count == definition.keys.count else { return [("key", key)] }
        return zip(definition.keys, values).map { (CompiledLogRule.labelName($0), String($1)) }
    }

    private static func labelName(_ field: String) -> String {
        var name = ""
        for scalar in field.unicodeScalars {
            let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || scalar == "_")
            let isDigit = ("0"..."9").contains(scalar)
            name.unicodeScalars.append(isPlain || (isDigit && !name.isEmpty) ? scalar : "_")
        }
        return name.isEmpty ? "key" : name
    }
}
