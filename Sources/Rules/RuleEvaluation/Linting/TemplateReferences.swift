/// What a label's or annotation's template reads of its alert.
struct TemplateReferences {
    private(set) var readsValue = false
    private(set) var labels: Set<String> = []

    /// - Parameter text: The template; one that does not parse reads nothing, and is told elsewhere.
    init(_ text: String) {
        guard text.contains("{{"),
            let parsed = try? TemplateParser.parse(
                text,
                variables: ["labels", "value", "externalLabels", "externalURL"],
                nestingMax: TemplateLimits().nestingMax
            )
        else { return }
        read(parsed.nodes, atTop: true)
        for nodes in parsed.definitions.values { read(nodes, atTop: false) }
    }

    /// `atTop`: dot is the alert itself.
    private mutating func read(_ nodes: [TemplateNode], atTop: Bool) {
        for node in nodes {
            switch node {
            case .text, .leave, .proceed: break
            case .action(let pipeline): read(pipeline, atTop: atTop)
            case .call(_, let pipeline): if let pipeline { read(pipeline, atTop: atTop) }
            case .branch(let pipeline, let then, let otherwise):
                read(pipeline, atTop: atTop)
                read(then, atTop: atTop)
                read(otherwise, atTop: atTop)
            case .with(let pipeline, let then, let otherwise):
                read(pipeline, atTop: atTop)
                read(then, atTop: false)
                read(otherwise, atTop: atTop)
            case .range(let pipeline, let body, let otherwise):
                read(pipeline, atTop: atTop)
                read(body, atTop: false)
                read(otherwise, atTop: atTop)
            }
        }
    }

    private mutating func read(_ pipeline: TemplatePipeline, atTop: Bool) {
        for operand in pipeline.commands.flatMap(\.operands) {
            switch operand {
            case .literal, .function: break
            case .pipeline(let inner, _): read(inner, atTop: atTop)
            case .variable("value", _): readsValue = true
            case .variable("labels", let fields): if let name = fields.first { labels.insert(name) }
            // `$` is the alert wherever dot has gone.
            case .variable("", let fields): read(fields)
            case .variable: break
            case .dot(let fields): if atTop { read(fields) }
            }
        }
    }

    private mutating func read(_ fields: [String]) {
        switch fields.first {
        case "Value": readsValue = true
        case "Labels": if fields.count > 1 { labels.insert(fields[1]) }
        default: break
        }
    }
}
