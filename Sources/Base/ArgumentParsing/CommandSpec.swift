/// A command: what it takes and what it says about itself.
package struct CommandSpec: Sendable {
    package var name: String
    /// One line.
    package var summary: String
    /// Paragraphs and examples printed below the usage.
    package var discussion: String
    package var operands: [OperandSpec]
    package var options: [OptionSpec]
    package var subcommands: [CommandSpec]

    package init(
        _ name: String,
        _ summary: String,
        discussion: String = "",
        operands: [OperandSpec] = [],
        options: [OptionSpec] = [],
        subcommands: [CommandSpec] = []
    ) {
        self.name = name
        self.summary = summary
        self.discussion = discussion
        self.operands = operands
        self.options = options
        self.subcommands = subcommands
    }
}

/// A positional argument.
package struct OperandSpec: Sendable {
    package enum Arity: Sendable {
        case one
        case optional
        case oneOrMore
        case any
    }

    package var name: String
    package var arity: Arity
    package var help: String

    package init(_ name: String, _ arity: Arity = .one, _ help: String) {
        self.name = name
        self.arity = arity
        self.help = help
    }
}

/// A `--flag` or `--option VALUE`.
package struct OptionSpec: Sendable {
    /// Without dashes.
    package var name: String
    package var short: Character?
    /// Nil for a flag.
    package var valueName: String?
    /// The values that are accepted; empty when any is.
    package var choices: [String]
    /// True when the value may be left out: `--watch` or `--watch=5s`.
    package var isValueOptional: Bool
    package var help: String

    package init(
        _ name: String,
        short: Character? = nil,
        value: String? = nil,
        choices: [String] = [],
        isValueOptional: Bool = false,
        _ help: String
    ) {
        self.name = name
        self.short = short
        self.valueName = value
        self.choices = choices
        self.isValueOptional = isValueOptional
        self.help = help
    }
}

/// A command line that was understood.
package struct Invocation: Sendable {
    /// Names of the subcommands from the outermost in, the program's own name left out.
    package var path: [String]
    package var operands: [String]
    private var values: [String: [String]]

    init(path: [String], operands: [String], values: [String: [String]]) {
        self.path = path
        self.operands = operands
        self.values = values
    }

    /// The last value given for an option.
    package func value(_ name: String) -> String? { values[name]?.last }

    /// Every value given for a repeatable option.
    package func all(_ name: String) -> [String] { values[name] ?? [] }

    /// True when the flag or option was given.
    package func has(_ name: String) -> Bool { values[name] != nil }
}

/// What a command line asks for.
package enum CommandLineOutcome: Sendable {
    case run(Invocation)
    /// Help text to print on standard output, exit 0.
    case help(String)
}

/// A command line that was not understood: print it on standard error, exit 64.
package struct UsageError: Error, Hashable, Sendable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}
