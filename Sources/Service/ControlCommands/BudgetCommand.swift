import APIModel
import ArgumentParsing

/// `sloctl budget [NAME...]`: how much error budget is left.
struct BudgetCommand {
    static let spec = CommandSpec(
        "budget",
        "Show how much error budget is left",
        discussion: """
            Without a name every objective is shown.

              sloctl budget availability             the table
              sloctl budget availability -o json     one object, for programs
              sloctl budget --check                  exit 0 OK, 1 warning, 2 breached, 3 unknown
              sloctl budget checkout --fail-below 10%   exit 2 when less is left: a gate for deploys
            """,
        operands: [OperandSpec("NAME", .any, "objectives; all of them when there is none")],
        options: [
            OptionSpec.output,
            OptionSpec(
                "check",
                "Exit with the worst status: 0 OK, 1 WARNING, 2 BREACHED, 3 unknown"
            ),
            OptionSpec(
                "fail-below",
                value: "PERCENT",
                "Exit 2 when an objective has less budget left, 3 when it is unknown"
            ),
        ]
    )

    let client: APIClient
    let terminal: Terminal

    func run(_ invocation: Invocation) async throws(CommandFailure) -> ExitCode {
        let floor = try floor(invocation.value("fail-below"))
        let documents = try await fetch(invocation.operands)
        if invocation.value("output") == "json" {
            try printJSON(documents, isSingle: invocation.operands.count == 1)
        } else if documents.isEmpty {
            terminal.messages("No objectives are loaded; add slos: to a rule file.\n")
        } else {
            let tables = documents.map { BudgetTable(document: $0, terminal: terminal).text }
            terminal.output(tables.joined(separator: "\n"))
        }
        var worst = ExitCode.ok
        if invocation.has("check") {
            worst =
                documents.map { BudgetCommand.code($0.status) }
                .max { $0.rawValue < $1.rawValue } ?? .unknown
        }
        if let floor { worst = gate(documents, floor, worst) }
        return worst
    }

    private func fetch(_ names: [String]) async throws(CommandFailure) -> [BudgetDocument] {
        guard !names.isEmpty else {
            let list: SLOListDocument = try await client.get("/v1/slos")
            return list.slos
        }
        var documents: [BudgetDocument] = []
        for name in names {
            documents.append(try await client.get("/v1/slos/\(APIClient.escaped(name))"))
        }
        return documents
    }

    private func printJSON(
        _ documents: [BudgetDocument],
        isSingle: Bool
    ) throws(CommandFailure) {
        do {
            let data =
                if isSingle, let only = documents.first {
                    try APIJSON.encode(only, isPretty: true)
                } else {
                    try APIJSON.encode(documents, isPretty: true)
                }
            terminal.output(String(decoding: data, as: UTF8.self) + "\n")
        } catch {
            throw CommandFailure(code: .failed, message: "cannot write JSON: \(error)")
        }
    }

    private func floor(_ text: String?) throws(CommandFailure) -> Double? {
        guard let text else { return nil }
        let digits = text.hasSuffix("%") ? text.dropLast() : text[...]
        guard let percent = Double(digits), percent.isFinite else {
            throw CommandFailure(
                code: .usage,
                message: "--fail-below needs a percentage such as 10%, not \"\(text)\""
            )
        }
        return percent / 100
    }

    private func gate(
        _ documents: [BudgetDocument],
        _ floor: Double,
        _ worst: ExitCode
    ) -> ExitCode {
        var code = worst
        for document in documents {
            let found: ExitCode
            switch document.budget.remainingRatio {
            case nil: found = .unknown
            case let left? where left < floor: found = .breached
            case _?: continue
            }
            let left = NumberText.percent(document.budget.remainingRatio, decimals: 1)
            terminal.messages(
                "\(document.slo): budget left is \(left), "
                    + "the floor is \(NumberText.percent(floor, decimals: 1))\n"
            )
            code = found.rawValue > code.rawValue ? found : code
        }
        return code
    }

    static func code(_ status: String) -> ExitCode {
        switch status {
        case "OK": .ok
        case "WARNING": .warning
        case "BREACHED": .breached
        default: .unknown
        }
    }
}
