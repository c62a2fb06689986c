/// A label or annotation of a rule.
struct NamedTemplate: Sendable {
    var name: String
    var template: Template
}

extension [NamedTemplate] {
    /// The texts when none depends on the alert; nil otherwise.
    var constants: [String: String]? {
        var texts: [String: String] = [:]
        for one in self {
            guard let text = one.template.constant else { return nil }
            texts[one.name] = text
        }
        return texts
    }
}
