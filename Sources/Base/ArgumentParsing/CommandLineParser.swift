import Spelling

/// Reads a command line against a `CommandSpec`.
package struct CommandLineParser: Sendable {
    private let root: CommandSpec

    package init(_ root: CommandSpec) { self.root = root }

    /// Reads the arguments after the program's name.
    ///
    /// - Throws: `UsageError` naming the wrong word, what is near it and where help is.
    package func parse(_ arguments: [String]) throws(UsageError) -> CommandLineOutcome {
        var command = root
        var path: [String] = []
        var options = root.options
        var operands: [String] = []
        var values: [String: [String]] = [:]
        var rest = arguments[...]
        var onlyOperands = false

        while let word = rest.popFirst() {
            if onlyOperands || word == "-" || !word.hasPrefix("-") {
                if operands.isEmpty, !onlyOperands, !command.subcommands.isEmpty {
                    guard let found = command.subcommands.first(where: { $0.name == word }) else {
                        throw unknown("command", word, command.subcommands.map(\.name), path)
                    }
                    command = found
                    path.append(word)
                    options += found.options
                } else {
                    operands.append(word)
                }
                continue
            }
            if word == "--" {
                onlyOperands = true
                continue
            }
            if word == "--help" || word == "-h" {
                return .help(
                    HelpText.text(for: command, path: [root.name] + path, options: options)
                )
            }
            let (name, attached) = split(word)
            guard let option = options.first(where: { matches($0, name) }) else {
                throw unknown("option", name, options.map { "--\($0.name)" }, path)
            }
            values[option.name, default: []].append(
                try value(of: option, spelled: name, attached: attached, &rest, path)
            )
        }
        if !command.subcommands.isEmpty {
            return .help(HelpText.text(for: command, path: [root.name] + path, options: options))
        }
        try check(operands, of: command, path)
        return .run(Invocation(path: path, operands: operands, values: values))
    }

    private func split(_ word: String) -> (name: String, attached: String?) {
        if word.hasPrefix("--"), let equals = word.firstIndex(of: "=") {
            return (String(word[..<equals]), String(word[word.index(after: equals)...]))
        }
        if !word.hasPrefix("--"), word.count > 2 {
            return (String(word.prefix(2)), String(word.dropFirst(2)))
        }
        return (word, nil)
    }

    private func matches(_ option: OptionSpec, _ spelled: String) -> Bool {
        spelled == "--\(option.name)" || option.short.map { spelled == "-\($0)" } ?? false
    }

    private func value(
        of option: OptionSpec,
        spelled: String,
        attached: String?,
        _ rest: inout ArraySlice<String>,
        _ path: [String]
    ) throws(UsageError) -> String {
        guard let valueName = option.valueName else {
            guard attached == nil else {
                throw UsageError("\(spelled) takes no value. \(hint(path))")
            }
            return ""
        }
        guard let value = attached ?? (option.isValueOptional ? "" : rest.popFirst()) else {
            throw UsageError("\(spelled) needs a value: \(spelled) \(valueName). \(hint(path))")
        }
        guard option.choices.isEmpty || option.choices.contains(value) else {
            throw UsageError(
                "\(spelled) does not know \"\(value)\"; "
                    + "use one of \(option.choices.joined(separator: ", "))"
            )
        }
        return value
    }

    private func check(
        _ operands: [String],
        of command: CommandSpec,
        _ path: [String]
    ) throws(UsageError) {
        var least = 0
        var most: Int? = 0
        for operand in command.operands {
            switch operand.arity {
            case .one:
                least += 1
                most = most.map { $0 + 1 }
            case .optional: most = most.map { $0 + 1 }
            case .oneOrMore:
                least += 1
                most = nil
            case .any: most = nil
            }
        }
        if operands.count < least {
            let missing = command.operands[min(operands.count, command.operands.count - 1)]
            throw UsageError("\(missing.name) is missing: \(missing.help). \(hint(path))")
        }
        if let most, operands.count > most {
            throw UsageError("unexpected argument \"\(operands[most])\". \(hint(path))")
        }
    }

    private func unknown(
        _ kind: String,
        _ word: String,
        _ candidates: [String],
        _ path: [String]
    ) -> UsageError {
        let near =
            NearMiss.nearest(to: word, in: candidates).map { "; did you mean \"\($0)\"?" } ?? "."
        return UsageError("unknown \(kind) \"\(word)\"\(near) \(hint(path))")
    }

    private func hint(_ path: [String]) -> String {
        "See \"\(([root.name] + path).joined(separator: " ")) --help\"."
    }
}
