import Matching
import Model
import PromQLSyntax

extension Evaluator {
    func labelReplace(_ plan: PlanNode, _ node: FunctionCall) throws(QueryError) -> Frame {
        let replacement: LabelReplacement
        if let known = plan.recall({ $0.replacement }) {
            replacement = known
        } else {
            replacement = try labelReplacement(plan)
            plan.keep { $0.replacement = replacement }
        }
        return try relabelled(plan, target: replacement.target) { labels in
            let text = Array(labels[replacement.source].utf8)
            guard let groups = replacement.pattern.groups(in: text.span, whole: true) else {
                return nil
            }
            return replacement.template.expanded(text, groups)
        }
    }

    private func labelReplacement(_ plan: PlanNode) throws(QueryError) -> LabelReplacement {
        let target = try string(plan.operands[1])
        let template = try string(plan.operands[2])
        let source = try string(plan.operands[3])
        let expression = try string(plan.operands[4])
        let pattern: Pattern
        do throws(PatternError) {
            pattern = try Pattern(expression, dotMatchesNewline: true)
        } catch {
            throw .execution("invalid regular expression in label_replace(): \(expression)")
        }
        guard !target.isEmpty else {
            throw .execution("invalid destination label name in label_replace(): \(target)")
        }
        return LabelReplacement(
            source: source,
            target: target,
            pattern: pattern,
            template: ReplacementTemplate(template, pattern: pattern)
        )
    }

    func labelJoin(_ plan: PlanNode, _ node: FunctionCall) throws(QueryError) -> Frame {
        let target = try string(plan.operands[1])
        let separator = try string(plan.operands[2])
        var sources: [String] = []
        for operand in plan.operands.dropFirst(3) {
            let name = try string(operand)
            guard !name.isEmpty else {
                throw .execution("invalid source label name in label_join(): \(name)")
            }
            sources.append(name)
        }
        guard !target.isEmpty else {
            throw .execution("invalid destination label name in label_join(): \(target)")
        }
        return try relabelled(plan, target: target) { labels in
            sources.map { labels[$0] }.joined(separator: separator)
        }
    }

    /// Gives each series of the first operand the value that `text` makes of its labels; nil leaves it alone.
    private func relabelled(
        _ plan: PlanNode,
        target: String,
        _ text: (LabelSet) -> String?
    ) throws(QueryError) -> Frame {
        var frame = try vector(plan.operands[0])
        let made: RelabelledTable
        if let known = plan.recall({ $0.relabelled }), known.source === frame.table {
            made = known
        } else {
            made = RelabelledTable(frame.table, target: target, text)
            plan.keep { $0.relabelled = made }
        }
        if target == LabelSet.metricName, frame.drops != .none {
            // A name that was written is not dropped.
            let drops = frame.drops
            frame.drops = .some((0..<frame.count).map { drops[$0] && !made.isWritten[$0] })
        }
        frame.relabel(made.table, isDistinct: made.isDistinct)
        try mergeEqualLabels(&frame)
        return frame
    }

    /// The sort functions, which matter to instant queries alone.
    func sorted(_ plan: PlanNode, _ node: FunctionCall) throws(QueryError) -> Frame {
        let frame = try vector(plan.operands[0])
        // What counts is the grid at hand: a subquery orders nothing, an expression fixed with @ does.
        if grid.count > 1 || (grid == run.grid && run.range > 0) {
            run.warn(
                "sort is ineffective for range queries since results are always ordered by labels",
                at: node.span
            )
        }
        guard grid.count == 1 else { return frame }
        let descends = node.function == .sortDesc || node.function == .sortByLabelDesc
        var names: [String] = []
        for operand in plan.operands.dropFirst() { names.append(try string(operand)) }
        let byLabel = node.function == .sortByLabel || node.function == .sortByLabelDesc
        let order = (0..<frame.count).filter(frame.hasValues).sorted { a, b in
            if byLabel {
                let (x, y) = (frame.labels[a], frame.labels[b])
                for name in names where !x[name].hasSameBytes(as: y[name]) {
                    return NaturalOrder.precedes(x[name], y[name]) != descends
                }
                return descends ? y < x : x < y
            }
            let (x, y) = (frame.values[a], frame.values[b])
            // NaN comes last either way.
            if x.isNaN || y.isNaN { return x.isNaN == y.isNaN ? a < b : y.isNaN }
            if x == y { return a < b }
            return descends ? x > y : x < y
        }
        return frame.selecting(order)
    }
}

/// What a call of `label_replace` says, read once.
struct LabelReplacement: Sendable {
    let source: String
    let target: String
    let pattern: Pattern
    let template: ReplacementTemplate
}

/// A table with one label written anew.
final class RelabelledTable: Sendable {
    let source: SeriesTable
    let table: SeriesTable
    /// Row by row, whether the label was written.
    let isWritten: [Bool]
    /// True when no two rows have equal labels.
    let isDistinct: Bool

    init(_ source: SeriesTable, target: String, _ text: (LabelSet) -> String?) {
        self.source = source
        var labels = source.labels
        var isWritten = [Bool](repeating: false, count: labels.count)
        var numbers = LabelTable(capacity: labels.count)
        for row in labels.indices {
            if let text = text(labels[row]) {
                labels[row][target] = text
                isWritten[row] = true
            }
            _ = numbers.insert(labels[row])
        }
        self.isWritten = isWritten
        isDistinct = numbers.count == labels.count
        table = SeriesTable(labels)
    }
}

/// A replacement text with `$1`, `${1}`, `$name` and `${name}`, as Go's `Regexp.Expand` reads it.
struct ReplacementTemplate: Sendable {
    private enum Part: Sendable {
        case text([UInt8])
        case group(Int)
    }

    private var parts: [Part] = []

    init(_ template: String, pattern: Pattern) {
        var names: [String: Int] = [:]
        for index in stride(from: 1, through: pattern.groupCount, by: 1) {
            if let name = pattern.groupName(index) { names[name] = index }
        }
        var rest = Array(template.utf8)[...]
        var text: [UInt8] = []
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "$") else {
                text.append(byte)
                continue
            }
            if rest.first == byte {
                text.append(byte)
                rest.removeFirst()
                continue
            }
            guard let name = ReplacementTemplate.name(&rest) else {
                text.append(byte)
                continue
            }
            parts.append(.text(text))
            text = []
            // An unknown group is empty.
            let index = name.allSatisfy(\.isNumber) ? Int(name) : names[name]
            if let index { parts.append(.group(index)) }
        }
        parts.append(.text(text))
    }

    /// The name after a dollar sign; nil when none is there.
    private static func name(_ rest: inout ArraySlice<UInt8>) -> String? {
        func isWord(_ byte: UInt8) -> Bool {
            (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90)
                || (byte >= 97 && byte <= 122) || byte == 95
        }
        var tail = rest
        let isBraced = tail.first == UInt8(ascii: "{")
        if isBraced { tail.removeFirst() }
        let name = tail.prefix(while: isWord)
        tail = tail.dropFirst(name.count)
        guard !name.isEmpty else { return nil }
        if isBraced {
            guard tail.popFirst() == UInt8(ascii: "}") else { return nil }
        }
        rest = tail
        return String(decoding: name, as: UTF8.self)
    }

    func expanded(_ source: [UInt8], _ groups: [Range<Int>?]) -> String {
        var bytes: [UInt8] = []
        for part in parts {
            switch part {
            case .text(let text): bytes += text
            case .group(let index):
                if index < groups.count, let range = groups[index] { bytes += source[range] }
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Text order in which runs of digits compare as numbers: `node2` before `node10`.
enum NaturalOrder {
    static func precedes(_ left: String, _ right: String) -> Bool {
        let a = chunks(left)
        let b = chunks(right)
        for index in a.indices {
            guard index < b.count else { return false }
            let isEqual: Bool
            if let x = Int(a[index]), let y = Int(b[index]) {
                if x != y { return x < y }
                isEqual = true
            } else {
                isEqual = a[index].hasSameBytes(as: b[index])
            }
            if !isEqual { return a[index].utf8.lexicographicallyPrecedes(b[index].utf8) }
            if index == a.count - 1 { return true }
            if index == b.count - 1 { return false }
        }
        // The empty text, which has no chunk, comes first.
        return a.isEmpty && !b.isEmpty
    }

    private static func chunks(_ text: String) -> [String] {
        var result: [String] = []
        var lastIsDigit: Bool?
        for scalar in text.unicodeScalars {
            let isDigit = scalar >= "0" && scalar <= "9"
            if isDigit == lastIsDigit {
                result[result.count - 1].unicodeScalars.append(scalar)
            } else {
                result.append(String(scalar))
            }
            lastIsDigit = isDigit
        }
        return result
    }
}
