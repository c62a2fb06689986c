/// Scripts that complete a command line in a shell: subcommands, options and the values they may have.
package enum CompletionScript {
    /// The shells there are scripts for.
    package static let shells = ["bash", "zsh", "fish"]

    /// The script for one of `shells`; nil for another.
    package static func text(for shell: String, of command: CommandSpec) -> String? {
        switch shell {
        case "bash": bash(command)
        case "zsh": "autoload -U +X bashcompinit && bashcompinit\n" + bash(command)
        case "fish": fish(command)
        default: nil
        }
    }

    /// A command with the path to it and every option that it takes.
    private struct Node {
        var path: [String]
        var command: CommandSpec
        var options: [OptionSpec]
    }

    private static func nodes(_ command: CommandSpec) -> [Node] {
        func walk(_ command: CommandSpec, _ path: [String], _ inherited: [OptionSpec]) -> [Node] {
            let options = inherited + command.options
            return [Node(path: path, command: command, options: options)]
                + command.subcommands.flatMap { walk($0, path + [$0.name], options) }
        }
        return walk(command, [], [])
    }

    private static func bash(_ command: CommandSpec) -> String {
        let function = "_\(command.name)"
        var text = """
            \(function)() {
                local word="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" path="" words="" index
                for ((index = 1; index < COMP_CWORD; index++)); do
                    case "$path ${COMP_WORDS[index]}" in

            """
        for node in nodes(command).dropFirst() {
            let path = " " + node.path.joined(separator: " ")
            text += "            \"\(path)\") path=\"\(path)\" ;;\n"
        }
        text += "        esac\n    done\n    case \"$path $previous\" in\n"
        for node in nodes(command) {
            let path = node.path.map { " " + $0 }.joined()
            for option in node.options where !option.choices.isEmpty {
                let names = ["--\(option.name)"] + (option.short.map { ["-\($0)"] } ?? [])
                let patterns = names.map { "\"\(path) \($0)\"" }.joined(separator: "|")
                text +=
                    "        \(patterns)) COMPREPLY=($(compgen -W "
                    + "\"\(option.choices.joined(separator: " "))\" -- \"$word\")); return ;;\n"
            }
        }
        text += "    esac\n    case \"$path\" in\n"
        for node in nodes(command) {
            let path = node.path.map { " " + $0 }.joined()
            let words =
                node.command.subcommands.map(\.name) + node.options.map { "--\($0.name)" }
                + ["--help"]
            text += "        \"\(path)\") words=\"\(words.joined(separator: " "))\" ;;\n"
        }
        return text + """
                esac
                COMPREPLY=($(compgen -W "$words" -- "$word"))
            }
            complete -o default -F \(function) \(command.name)

            """
    }

    private static func fish(_ command: CommandSpec) -> String {
        var text = "complete -c \(command.name) -n __fish_use_subcommand -f\n"
        for node in nodes(command) {
            let condition =
                node.path.isEmpty
                ? "__fish_use_subcommand"
                : node.path.map { "__fish_seen_subcommand_from \($0)" }.joined(separator: "; and ")
            for one in node.command.subcommands {
                let others = node.command.subcommands.map(\.name).joined(separator: " ")
                let only =
                    node.path.isEmpty
                    ? condition : "\(condition); and not __fish_seen_subcommand_from \(others)"
                text +=
                    "complete -c \(command.name) -n '\(only)' -f -a \(one.name) -d '\(plain(one.summary))'\n"
            }
            for option in node.command.options {
                let reach = node.path.isEmpty ? "" : " -n '\(condition)'"
                let short = option.short.map { " -s \($0)" } ?? ""
                let values =
                    option.choices.isEmpty
                    ? (option.valueName == nil ? "" : " -r")
                    : " -x -a '\(option.choices.joined(separator: " "))'"
                text +=
                    "complete -c \(command.name)\(reach)\(short) -l \(option.name)\(values)"
                    + " -d '\(plain(option.help))'\n"
            }
        }
        return text
    }

    /// Text between single quotes.
    private static func plain(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
    }
}
