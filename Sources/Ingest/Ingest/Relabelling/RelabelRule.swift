import Cryptography
import Matching
import Model

/// One step of relabelling, as Prometheus has it.
///
/// - Source: Prometheus `model/relabel`, version 3 (a dot also matches a line feed, as in its selectors).
package struct RelabelRule: Hashable, Sendable {
    /// What a rule does.
    package enum Action: String, Hashable, Sendable, CaseIterable {
        case replace, keep, drop, keepequal, dropequal, hashmod, labelmap, labeldrop, labelkeep
        case lowercase, uppercase
    }

    /// A rule as it is written; the values here are the defaults.
    package struct Definition: Hashable, Sendable {
        package var sourceLabels: [String] = []
        package var separator = ";"
        package var regex = Definition.everything
        package var modulus: UInt64 = 0
        package var targetLabel = ""
        package var replacement = Definition.firstGroup
        package var action = Action.replace

        package static let everything = "(.*)"
        package static let firstGroup = "$1"

        package init() {}
    }

    package let definition: Definition
    private let pattern: Pattern
    private let target: ReplacementTemplate
    private let replacement: ReplacementTemplate
    /// A rule that sets a label whatever the others are.
    private let isConstant: Bool

    /// - Throws: What is wrong with the rule, in words.
    package init(_ definition: Definition) throws(RelabelProblem) {
        if let problem = RelabelRule.problem(definition) { throw RelabelProblem(reason: problem) }
        self.definition = definition
        do {
            pattern = try Pattern(definition.regex, dotMatchesNewline: true)
        } catch {
            throw RelabelProblem(reason: "\(error); write it in RE2's syntax")
        }
        target = ReplacementTemplate(definition.targetLabel, for: pattern)
        replacement = ReplacementTemplate(definition.replacement, for: pattern)
        isConstant =
            definition.action == .replace && definition.regex == Definition.everything
            && !definition.targetLabel.contains("$") && !definition.replacement.contains("$")
    }

    package static func == (left: RelabelRule, right: RelabelRule) -> Bool {
        left.definition == right.definition
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(definition) }

    /// Changes the labels.
    ///
    /// - Returns: False when the labels, and what bears them, are to be dropped.
    package func apply(to labels: inout WorkingLabels) -> Bool {
        let value = value(labels)
        switch definition.action {
        case .drop: return !pattern.matchesWhole(value)
        case .keep: return pattern.matchesWhole(value)
        case .dropequal: return !labels[definition.targetLabel].hasSameBytes(as: value)
        case .keepequal: return labels[definition.targetLabel].hasSameBytes(as: value)
        case .replace: replace(value, &labels)
        case .lowercase:
            labels.set(definition.targetLabel, RelabelRule.mapped(value) { $0.lowercaseMapping })
        case .uppercase:
            labels.set(definition.targetLabel, RelabelRule.mapped(value) { $0.uppercaseMapping })
        case .hashmod:
            labels.set(definition.targetLabel, "\(RelabelRule.hash(value) % definition.modulus)")
        case .labelmap:
            for label in labels.labels {
                guard let match = match(label.name) else { continue }
                labels.set(replacement.expand(label.name, match), label.value)
            }
        case .labeldrop: labels.removeAll { pattern.matchesWhole($0.name) }
        case .labelkeep: labels.removeAll { !pattern.matchesWhole($0.name) }
        }
        return true
    }

    private func value(_ labels: WorkingLabels) -> String {
        guard definition.sourceLabels.count != 1 else { return labels[definition.sourceLabels[0]] }
        return definition.sourceLabels.map { labels[$0] }.joined(separator: definition.separator)
    }

    private func replace(_ value: String, _ labels: inout WorkingLabels) {
        if isConstant { return labels.set(definition.targetLabel, definition.replacement) }
        guard let match = match(value) else { return }
        let name = target.expand(value, match)
        guard LabelText.isName(name) else { return }
        labels.set(name, replacement.expand(value, match))
    }

    private func match(_ text: String) -> [Range<Int>?]? {
        var text = text
        return text.withUTF8 { buffer in
            unsafe pattern.groups(in: buffer.span, whole: true)
        }
    }

    /// Each character by itself, as in Go: one that would become several stays.
    private static func mapped(
        _ text: String,
        _ mapping: (Unicode.Scalar.Properties) -> String
    ) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let mapped = mapping(scalar.properties).unicodeScalars
            result.append(mapped.count == 1 ? mapped.first ?? scalar : scalar)
        }
        return String(result)
    }

    /// The last eight bytes of the MD5 digest, big-endian.
    private static func hash(_ value: String) -> UInt64 {
        Digest.md5(value.utf8)[8...].reduce(0) { $0 << 8 | UInt64($1) }
    }
}

/// Why a rule cannot be used.
package struct RelabelProblem: Error, Hashable, CustomStringConvertible {
    package var reason: String

    package init(reason: String) { self.reason = reason }

    package var description: String { reason }
}

extension [RelabelRule] {
    /// Applies the rules one after the other; false when one of them drops the labels.
    package func apply(to labels: inout WorkingLabels) -> Bool {
        for rule in self {
            guard rule.apply(to: &labels) else { return false }
        }
        return true
    }
}
