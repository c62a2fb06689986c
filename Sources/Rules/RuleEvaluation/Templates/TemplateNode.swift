/// A template's syntax tree.
indirect enum TemplateNode: Sendable {
    case text(String)
    case action(TemplatePipeline)
    case branch(TemplatePipeline, then: [TemplateNode], otherwise: [TemplateNode])
    /// Like a branch, with dot set to the value.
    case with(TemplatePipeline, then: [TemplateNode], otherwise: [TemplateNode])
    case range(TemplatePipeline, body: [TemplateNode], otherwise: [TemplateNode])
    /// A defined template with dot set to the value; nil: to nothing.
    case call(String, TemplatePipeline?)
    case leave
    case proceed
}

/// A template and those it defines.
struct ParsedTemplate: Sendable {
    var nodes: [TemplateNode]
    var definitions: [String: [TemplateNode]] = [:]
}

/// Commands that hand their value on to the next one, and the variables that take the last value.
struct TemplatePipeline: Sendable {
    enum Binding: Sendable {
        case none
        case declare([String])
        case assign([String])

        var names: [String] {
            switch self {
            case .none: []
            case .declare(let names), .assign(let names): names
            }
        }
    }

    var binding = Binding.none
    var commands: [TemplateCommand]
}

/// A value, or a function with its arguments.
struct TemplateCommand: Sendable {
    var operands: [TemplateOperand]
}

indirect enum TemplateOperand: Sendable {
    case literal(TemplateValue)
    case dot(fields: [String])
    case variable(String, fields: [String])
    case function(String)
    case pipeline(TemplatePipeline, fields: [String])
}
