/// Lays out the help of a command.
enum HelpText {
    private static let column = 28

    /// Usage, subcommands, arguments, options, then the discussion.
    static func text(for command: CommandSpec, path: [String], options: [OptionSpec]) -> String {
        var text = "\(command.summary)\n\nUsage: \(path.joined(separator: " "))"
        text += command.subcommands.isEmpty ? "" : " COMMAND"
        for operand in command.operands {
            switch operand.arity {
            case .one: text += " \(operand.name)"
            case .optional: text += " [\(operand.name)]"
            case .oneOrMore: text += " \(operand.name)..."
            case .any: text += " [\(operand.name)...]"
            }
        }
        text += options.isEmpty ? "\n" : " [OPTIONS]\n"
        text += section("Commands", command.subcommands.map { ($0.name, $0.summary) })
        text += section("Arguments", command.operands.map { ($0.name, $0.help) })
        text += section(
            "Options",
            options.map { (spelling($0), described($0)) } + [("-h, --help", "Show this help")]
        )
        if !command.discussion.isEmpty { text += "\n\(command.discussion)\n" }
        return text
    }

    private static func spelling(_ option: OptionSpec) -> String {
        let short = option.short.map { "-\($0), " } ?? "    "
        let value = option.valueName.map { option.isValueOptional ? "[=\($0)]" : " \($0)" } ?? ""
        return "\(short)--\(option.name)\(value)"
    }

    private static func described(_ option: OptionSpec) -> String {
        option.choices.isEmpty
            ? option.help : "\(option.help) (\(option.choices.joined(separator: ", ")))"
    }

    private static func section(_ title: String, _ rows: [(String, String)]) -> String {
        guard !rows.isEmpty else { return "" }
        let lines = rows.map { name, help in
            let gap =
                name.count >= column - 2
                ? "\n" + String(repeating: " ", count: column)
                : String(repeating: " ", count: column - 2 - name.count)
            return "  \(name)\(gap)\(help)"
        }
        return "\n\(title):\n\(lines.joined(separator: "\n"))\n"
    }
}
