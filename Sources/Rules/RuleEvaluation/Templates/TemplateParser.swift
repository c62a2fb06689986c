/// Builds the syntax tree of a template; knows the functions and variables there are.
struct TemplateParser {
    private let pieces: [TemplateLexer.Piece]
    private var position = 0
    private var tokens: [TemplateToken] = []
    private var cursor = 0
    private var line = 1
    private var depth = 0
    /// Variables in scope, innermost last.
    private var scope: [String]
    private let nestingMax: Int
    private var definitions: [String: [TemplateNode]] = [:]
    /// Templates that are used, and where first.
    private var uses: [String: Int] = [:]
    private var loops = 0

    /// Parses `text`.
    ///
    /// - Parameters:
    ///   - text: A template.
    ///   - variables: Names that are set from outside, without `$`.
    ///   - nestingMax: Blocks and parentheses inside each other.
    /// - Returns: The tree.
    /// - Throws: `TemplateError` with the line inside the template.
    static func parse(
        _ text: String,
        variables: [String],
        nestingMax: Int
    ) throws(TemplateError) -> ParsedTemplate {
        var parser = TemplateParser(
            pieces: try TemplateLexer.pieces(of: text),
            scope: variables + [""],
            nestingMax: nestingMax
        )
        let (nodes, end) = try parser.nodes()
        guard end == .end else {
            throw parser.failure("unexpected {{\(end.rawValue)}}")
        }
        for (name, line) in parser.uses.sorted(by: { $0.value < $1.value })
        where parser.definitions[name] == nil {
            throw TemplateError("line \(line): template \"\(name)\" not defined")
        }
        return ParsedTemplate(nodes: nodes, definitions: parser.definitions)
    }

    private init(pieces: [TemplateLexer.Piece], scope: [String], nestingMax: Int) {
        self.pieces = pieces
        self.scope = scope
        self.nestingMax = nestingMax
    }

    /// What ended a run of nodes.
    private enum Stop: String {
        case end = ""
        case blockEnd = "end"
        case otherwise = "else"
    }

    private func failure(_ reason: String) -> TemplateError {
        TemplateError("line \(line): \(reason)")
    }

    private mutating func nodes() throws(TemplateError) -> ([TemplateNode], Stop) {
        var nodes: [TemplateNode] = []
        while position < pieces.count {
            switch pieces[position] {
            case .text(let text):
                position += 1
                nodes.append(.text(text))
            case .action(let tokens, let line):
                position += 1
                self.tokens = tokens
                self.line = line
                cursor = 0
                guard case .identifier(let word)? = tokens.first else {
                    nodes.append(.action(try wholePipeline()))
                    continue
                }
                switch word {
                case "end":
                    cursor = 1
                    try finish()
                    return (nodes, .blockEnd)
                case "else":
                    cursor = 1
                    return (nodes, .otherwise)
                case "if", "with", "range": nodes.append(try block(word))
                case "define": try define()
                case "block": nodes.append(try block())
                case "template":
                    cursor = 1
                    let name = try templateName()
                    let data = cursor < self.tokens.count ? try wholePipeline() : nil
                    nodes.append(.call(name, data))
                case "break", "continue":
                    cursor = 1
                    try finish()
                    guard loops > 0 else { throw failure("{{\(word)}} outside {{range}}") }
                    nodes.append(word == "break" ? .leave : .proceed)
                default: nodes.append(.action(try wholePipeline()))
                }
            }
        }
        return (nodes, .end)
    }

    /// `define "name"` through its `end`.
    private mutating func define() throws(TemplateError) {
        guard depth == 0 else { throw failure("{{define}} inside another block") }
        cursor = 1
        let name = try templateName()
        try finish()
        try defineBody(name, "define")
    }

    /// `block "name" value` through its `end`: a definition that is used at once.
    private mutating func block() throws(TemplateError) -> TemplateNode {
        cursor = 1
        let name = try templateName()
        let data = try wholePipeline()
        try defineBody(name, "block")
        return .call(name, data)
    }

    private mutating func defineBody(_ name: String, _ word: String) throws(TemplateError) {
        let opened = line
        let (outerScope, outerLoops) = (scope, loops)
        depth += 1
        guard depth <= nestingMax else { throw failure("nested deeper than \(nestingMax)") }
        // Inside a definition there is only `$`, the value it is called with.
        scope = [""]
        loops = 0
        let (body, stop) = try nodes()
        guard stop == .blockEnd else {
            throw TemplateError("line \(opened): {{\(word)}} without {{end}}")
        }
        (scope, loops) = (outerScope, outerLoops)
        depth -= 1
        definitions[name] = body
    }

    private mutating func templateName() throws(TemplateError) -> String {
        guard case .string(let name)? = peek() else {
            throw failure("a template needs a name in quotes")
        }
        cursor += 1
        if uses[name] == nil { uses[name] = line }
        return name
    }

    /// `if`, `with` or `range` with the cursor at its word, through its `end`.
    private mutating func block(_ word: String) throws(TemplateError) -> TemplateNode {
        depth += 1
        defer { depth -= 1 }
        guard depth <= nestingMax else { throw failure("nested deeper than \(nestingMax)") }
        let opened = line
        let outer = scope.count
        cursor += 1
        let pipeline = try wholePipeline(isRange: word == "range")
        let inner = scope.count
        loops += word == "range" ? 1 : 0
        let (body, stop) = try nodes()
        loops -= word == "range" ? 1 : 0
        scope.removeLast(scope.count - inner)
        var otherwise: [TemplateNode] = []
        switch stop {
        case .end: throw TemplateError("line \(opened): {{\(word)}} without {{end}}")
        case .blockEnd: break
        case .otherwise: otherwise = try alternative(word, opened)
        }
        scope.removeLast(scope.count - outer)
        return switch word {
        case "if": .branch(pipeline, then: body, otherwise: otherwise)
        case "with": .with(pipeline, then: body, otherwise: otherwise)
        default: .range(pipeline, body: body, otherwise: otherwise)
        }
    }

    /// What follows `else`, through the block's `end`; `else if` is a block of its own sharing that end.
    private mutating func alternative(
        _ word: String,
        _ opened: Int
    ) throws(TemplateError) -> [TemplateNode] {
        if case .identifier(let next)? = peek(), next == word, word != "range" {
            return [try block(word)]
        }
        try finish()
        let (nodes, stop) = try nodes()
        guard stop == .blockEnd else {
            throw TemplateError(
                stop == .end
                    ? "line \(opened): {{\(word)}} without {{end}}"
                    : "line \(line): second {{else}}"
            )
        }
        return nodes
    }

    private func peek() -> TemplateToken? { cursor < tokens.count ? tokens[cursor] : nil }

    private func finish() throws(TemplateError) {
        guard cursor == tokens.count else {
            throw failure("unexpected words at the end of the action")
        }
    }

    private mutating func wholePipeline(
        isRange: Bool = false
    ) throws(TemplateError) -> TemplatePipeline {
        let pipeline = try pipeline(isRange: isRange)
        try finish()
        return pipeline
    }

    private mutating func pipeline(isRange: Bool = false) throws(TemplateError) -> TemplatePipeline
    {
        depth += 1
        defer { depth -= 1 }
        guard depth <= nestingMax else { throw failure("nested deeper than \(nestingMax)") }
        let binding = try binding(isRange: isRange)
        var commands = [try command()]
        while peek() == .pipe {
            cursor += 1
            commands.append(try command())
        }
        for later in commands.dropFirst() {
            guard case .function? = later.operands.first else {
                throw failure("a value cannot be piped into something that is no function")
            }
        }
        if case .declare(let names) = binding { scope += names }
        return TemplatePipeline(binding: binding, commands: commands)
    }

    /// `$x :=`, `$x =`, and in a range also `$i, $x :=`.
    private mutating func binding(isRange: Bool) throws(TemplateError) -> TemplatePipeline.Binding {
        guard case .variable(let first)? = peek() else { return .none }
        var names = [first]
        var next = cursor + 1
        if isRange, next + 1 < tokens.count, tokens[next] == .comma,
            case .variable(let second) = tokens[next + 1]
        {
            names.append(second)
            next += 2
        }
        guard next < tokens.count else { return .none }
        switch tokens[next] {
        case .declare:
            cursor = next + 1
            return .declare(names)
        case .assign:
            cursor = next + 1
            for name in names { try check(name) }
            return .assign(names)
        default: return .none
        }
    }

    private func check(_ variable: String) throws(TemplateError) {
        guard scope.contains(variable) else {
            let near = scope.filter { !$0.isEmpty }.map { "$" + $0 }.joined(separator: ", ")
            throw failure("undefined variable \"$\(variable)\"; there are \(near)")
        }
    }

    private mutating func command() throws(TemplateError) -> TemplateCommand {
        var operands: [TemplateOperand] = []
        while let operand = try operand() { operands.append(operand) }
        guard let first = operands.first else { throw failure("missing value in an action") }
        if operands.count > 1 {
            guard case .function = first else {
                throw failure("only a function takes arguments")
            }
        }
        return TemplateCommand(operands: operands)
    }

    private mutating func operand() throws(TemplateError) -> TemplateOperand? {
        guard let token = peek() else { return nil }
        switch token {
        case .pipe, .close, .comma, .declare, .assign: return nil
        case .string(let text):
            cursor += 1
            return .literal(.string(text))
        case .int(let value):
            cursor += 1
            return .literal(.int(value))
        case .float(let value):
            cursor += 1
            return .literal(.float(value))
        case .dot:
            cursor += 1
            return .dot(fields: [])
        case .field(let name, _):
            cursor += 1
            return .dot(fields: [name] + fields())
        case .variable(let name):
            cursor += 1
            try check(name)
            return .variable(name, fields: fields())
        case .identifier(let name):
            cursor += 1
            switch name {
            case "true": return .literal(.bool(true))
            case "false": return .literal(.bool(false))
            case "nil": return .literal(.none)
            default:
                guard TemplateFunction.named[name] != nil else {
                    throw failure(TemplateFunction.unknown(name))
                }
                return .function(name)
            }
        case .open:
            cursor += 1
            let inner = try pipeline()
            guard peek() == .close else { throw failure("missing )") }
            cursor += 1
            return .pipeline(inner, fields: fields())
        }
    }

    private mutating func fields() -> [String] {
        var names: [String] = []
        while case .field(let name, true)? = peek() {
            cursor += 1
            names.append(name)
        }
        return names
    }
}
