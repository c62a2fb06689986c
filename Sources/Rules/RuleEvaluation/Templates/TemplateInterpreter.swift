/// Walks a template's tree and writes the text.
struct TemplateInterpreter {
    private let context: TemplateContext
    private let limits: TemplateLimits
    private var output = ""
    private var steps = 0
    private var dot: TemplateValue
    /// Innermost last.
    private var variables: [(name: String, value: TemplateValue)]
    private var definitions: [String: [TemplateNode]] = [:]
    private var calls = 0

    /// How a run of nodes ended.
    private enum Flow {
        case normal, leave, proceed
    }

    init(_ context: TemplateContext, _ limits: TemplateLimits) {
        self.context = context
        self.limits = limits
        let labels = TemplateValue(context.labels)
        let external = TemplateValue(context.externalLabels)
        dot = .map([
            "Labels": labels, "Value": .float(context.value), "ExternalLabels": external,
            "ExternalURL": .string(context.externalURL),
        ])
        variables = [
            ("labels", labels), ("value", .float(context.value)), ("externalLabels", external),
            ("externalURL", .string(context.externalURL)), ("", dot),
        ]
    }

    mutating func run(_ template: ParsedTemplate) throws(TemplateError) -> String {
        definitions = template.definitions
        _ = try walk(template.nodes)
        return output
    }

    /// Bytes that cost as much as a step.
    private static let bytesPerStep = 256
    /// How many times the longest text a list or map may hold.
    private static let textsPerValue = 64

    private mutating func step(_ count: Int = 1) throws(TemplateError) {
        steps += count
        guard steps <= limits.stepsMax else {
            throw TemplateError("more than \(limits.stepsMax) steps in one template")
        }
    }

    private mutating func write(_ text: String) throws(TemplateError) {
        output += text
        guard output.utf8.count <= limits.outputBytesMax else {
            throw TemplateError("the text is longer than \(limits.outputBytesMax) bytes")
        }
    }

    private mutating func walk(_ nodes: [TemplateNode]) throws(TemplateError) -> Flow {
        for node in nodes {
            try step()
            let depth = variables.count
            var flow = Flow.normal
            switch node {
            case .text(let text): try write(text)
            case .action(let pipeline):
                let value = try evaluate(pipeline)
                if case .none = pipeline.binding { try write(value.text) }
                // What an action declares lives on to the end of the block.
                continue
            case .branch(let pipeline, let then, let otherwise):
                flow = try walk(try evaluate(pipeline).isTrue ? then : otherwise)
            case .with(let pipeline, let then, let otherwise):
                let value = try evaluate(pipeline)
                flow = value.isTrue ? try walk(then, dot: value) : try walk(otherwise)
            case .range(let pipeline, let body, let otherwise):
                flow = try range(pipeline, body, otherwise)
            case .call(let name, let pipeline): try call(name, pipeline)
            case .leave: flow = .leave
            case .proceed: flow = .proceed
            }
            variables.removeLast(variables.count - depth)
            if flow != .normal { return flow }
        }
        return .normal
    }

    private mutating func walk(
        _ nodes: [TemplateNode],
        dot value: TemplateValue
    ) throws(TemplateError) -> Flow {
        let outer = dot
        dot = value
        let flow = try walk(nodes)
        dot = outer
        return flow
    }

    private mutating func call(
        _ name: String,
        _ pipeline: TemplatePipeline?
    ) throws(TemplateError) {
        guard let body = definitions[name] else {
            throw TemplateError("template \"\(name)\" not defined")
        }
        var value = TemplateValue.none
        if let pipeline { value = try evaluate(pipeline) }
        calls += 1
        guard calls <= limits.nestingMax else {
            throw TemplateError("templates call each other deeper than \(limits.nestingMax)")
        }
        let outer = variables
        variables = [("", value)]
        _ = try walk(body, dot: value)
        variables = outer
        calls -= 1
    }

    private mutating func range(
        _ pipeline: TemplatePipeline,
        _ body: [TemplateNode],
        _ otherwise: [TemplateNode]
    ) throws(TemplateError) -> Flow {
        let depth = variables.count
        let value = try evaluate(TemplatePipeline(commands: pipeline.commands))
        let elements: [(key: TemplateValue, value: TemplateValue)]
        switch value {
        case .list(let values):
            try step(values.count)
            elements = values.enumerated().map { (.int($0.offset), $0.element) }
        case .map(let values):
            try step(values.count)
            elements = values.sorted { $0.key < $1.key }.map { (.string($0.key), $0.value) }
        case .int(let count):
            // Counted before there is room made for them: a loop may be left at once and begun again.
            try step(min(max(0, count), limits.stepsMax))
            elements = (0..<max(0, count)).map { (.int($0), .int($0)) }
        case .none: elements = []
        case .bool, .float, .string, .sample, .time, .duration:
            throw TemplateError("range can't iterate over \(value.text)")
        }
        for element in elements {
            let names = pipeline.binding.names
            let values = names.count == 2 ? [element.key, element.value] : [element.value]
            switch pipeline.binding {
            case .none: break
            case .declare: variables += zip(names, values).map { ($0, $1) }
            case .assign: for (name, value) in zip(names, values) { assign(name, value) }
            }
            let flow = try walk(body, dot: element.value)
            variables.removeLast(variables.count - depth)
            if flow == .leave { break }
        }
        return elements.isEmpty ? try walk(otherwise) : .normal
    }

    private mutating func assign(_ name: String, _ value: TemplateValue) {
        guard let index = variables.lastIndex(where: { $0.name == name }) else { return }
        variables[index].value = value
    }

    private mutating func evaluate(
        _ pipeline: TemplatePipeline
    ) throws(TemplateError) -> TemplateValue {
        var value: TemplateValue?
        for command in pipeline.commands {
            try step()
            value = try evaluate(command, piped: value)
        }
        let result = value ?? .none
        switch pipeline.binding {
        case .none: break
        case .declare(let names): variables += names.map { ($0, result) }
        case .assign(let names): for name in names { assign(name, result) }
        }
        return result
    }

    private mutating func evaluate(
        _ command: TemplateCommand,
        piped: TemplateValue?
    ) throws(TemplateError) -> TemplateValue {
        guard case .function(let name)? = command.operands.first else {
            guard let operand = command.operands.first else { return .none }
            return try evaluate(operand)
        }
        guard let function = TemplateFunction.named[name] else {
            throw TemplateError(TemplateFunction.unknown(name))
        }
        var arguments: [TemplateValue] = []
        for operand in command.operands.dropFirst() {
            let value = try evaluate(operand)
            arguments.append(value)
            // `and` stops at the first false argument, `or` at the first true one.
            if name == "and", !value.isTrue { return value }
            if name == "or", value.isTrue { return value }
        }
        if let piped { arguments.append(piped) }
        guard function.arity.contains(arguments.count) else {
            throw TemplateError(
                "wrong number of args for \(name): want \(function.wanted) got \(arguments.count)"
            )
        }
        let result: TemplateValue
        do {
            result = try function.call(arguments, context)
        } catch {
            throw TemplateError("error calling \(name): \(error.reason)")
        }
        try weigh(result)
        return result
    }

    /// Texts inside a template may be no longer than its own, results of queries some times that.
    ///
    /// Long values count for several steps.
    private mutating func weigh(_ value: TemplateValue) throws(TemplateError) {
        var bytesMax = limits.outputBytesMax
        if case .string = value {} else { bytesMax *= TemplateInterpreter.textsPerValue }
        let bytes = value.textBytes(upTo: bytesMax)
        guard bytes <= bytesMax else {
            throw TemplateError("a value is longer than \(bytesMax) bytes")
        }
        try step(bytes / TemplateInterpreter.bytesPerStep)
    }

    private mutating func evaluate(
        _ operand: TemplateOperand
    ) throws(TemplateError) -> TemplateValue {
        switch operand {
        case .literal(let value): return value
        case .dot(let fields): return try walkFields(dot, fields)
        case .variable(let name, let fields):
            let value = variables.last { $0.name == name }?.value ?? .none
            return try walkFields(value, fields)
        case .function: return try evaluate(TemplateCommand(operands: [operand]), piped: nil)
        case .pipeline(let pipeline, let fields): return try walkFields(evaluate(pipeline), fields)
        }
    }

    private func walkFields(
        _ value: TemplateValue,
        _ fields: [String]
    ) throws(TemplateError) -> TemplateValue {
        var value = value
        for field in fields {
            guard let next = value.field(field) else {
                throw TemplateError("can't evaluate field \(field) in type \(value.kind)")
            }
            value = next
        }
        return value
    }
}
