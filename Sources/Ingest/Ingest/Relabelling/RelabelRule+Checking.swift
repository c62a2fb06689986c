extension RelabelRule {
    /// What is wrong with a rule apart from its pattern; nil when it can be used.
    static func problem(_ rule: Definition) -> String? {
        let action = rule.action.rawValue
        let plain = Definition()
        switch rule.action {
        case .replace, .hashmod, .lowercase, .uppercase, .keepequal, .dropequal:
            guard !rule.targetLabel.isEmpty else {
                return "the action \(action) needs \"target_label\"; name the label to "
                    + (rule.action == .keepequal || rule.action == .dropequal
                        ? "compare with" : "write")
            }
            let isValid =
                rule.action == .replace && rule.targetLabel.contains("$")
                ? isTemplate(rule.targetLabel) : LabelText.isName(rule.targetLabel)
            guard isValid else {
                return "\"\(rule.targetLabel)\" is no label name; use letters, digits and _"
            }
        case .labelmap:
            guard isTemplate(rule.replacement) else {
                return "the replacement \"\(rule.replacement)\" of labelmap makes no label name; "
                    + "use letters, digits, _ and groups such as $1"
            }
        case .keep, .drop, .labeldrop, .labelkeep: break
        }
        let hasReplacement = rule.replacement != plain.replacement
        switch rule.action {
        case .hashmod where rule.modulus == 0:
            return "the action hashmod needs \"modulus\" above 0; give the number of parts"
        case .lowercase, .uppercase:
            guard !hasReplacement else {
                return "the action \(action) takes no \"replacement\"; remove it"
            }
        case .keepequal, .dropequal:
            guard rule.regex == plain.regex, rule.modulus == 0, !hasReplacement,
                rule.separator == plain.separator
            else {
                return "the action \(action) takes only \"source_labels\" and \"target_label\"; "
                    + "remove the rest"
            }
        case .labeldrop, .labelkeep:
            guard rule.sourceLabels.isEmpty, rule.targetLabel.isEmpty, rule.modulus == 0,
                !hasReplacement, rule.separator == plain.separator
            else { return "the action \(action) takes only \"regex\"; remove the rest" }
        case .replace, .keep, .drop, .hashmod, .labelmap: break
        }
        return nil
    }

    /// True for letters, digits and underscores with groups between, that do not begin with a digit.
    private static func isTemplate(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        guard let first = rest.first, first < 0x30 || first > 0x39 else { return false }
        while let byte = rest.first {
            rest.removeFirst()
            if LabelText.isNameByte(byte) { continue }
            guard byte == 0x24 else { return false }
            let isBraced = rest.first == 0x7b
            if isBraced { rest.removeFirst() }
            let name = rest.prefix { LabelText.isNameByte($0) }
            guard !name.isEmpty else { return false }
            rest = rest[name.endIndex...]
            if isBraced {
                guard rest.first == 0x7d else { return false }
                rest.removeFirst()
            }
        }
        return true
    }
}
