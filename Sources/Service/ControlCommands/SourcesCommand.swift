import APIModel
import ArgumentParsing
import Timekeeping

/// `sloctl sources`: what each source is doing, and how to mend what it is not.
struct SourcesCommand {
    static let spec = CommandSpec(
        "sources",
        "Show what each source is doing, and how to mend what it is not",
        discussion: """
            STATE is off, waiting (nothing has come yet), ok, refusing (some of what comes is dropped)
            or failing. LAG is how old the newest sample is; RATE is over the last minute. What is wrong,
            and what to do, stands below a source. Scraped targets one by one: /api/v1/targets.
            """,
        options: [
            OptionSpec.output
        ]
    )

    let client: APIClient
    let terminal: Terminal
    var clock: any WallClock = SystemClock()

    func run(_ invocation: Invocation) async throws(CommandFailure) {
        let list: SourceListDocument = try await client.get("/v1/sources")
        if invocation.value("output") == "json" { return try terminal.outputJSON(list) }
        terminal.output(SourcesCommand.text(list.sources, at: clock.now()))
    }

    /// The table, and below each source what is to be said of it.
    static func text(_ sources: [SourceDocument], at now: Timestamp) -> String {
        var table = TableText(
            header: ["SOURCE", "STATE", "LAST OK", "LAG", "RATE", "ACCEPTED", "DROPPED"]
        )
        for source in sources {
            let dropped = source.refused.values.reduce(0, +)
            table.add([
                source.name, source.state, source.lastSuccess.map { ago($0, now) } ?? "-",
                source.lagSeconds.map { NumberText.roughDuration($0) } ?? "-",
                source.perSecond.map { rate($0) } ?? "-",
                source.on ? NumberText.grouped(Int64(source.accepted)) : "-",
                source.on ? NumberText.grouped(Int64(dropped)) : "-",
            ])
        }
        var lines = table.text.split(separator: "\n").map(String.init)
        for (index, source) in sources.enumerated().reversed() {
            lines.insert(contentsOf: notes(source, now), at: index + 2)
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func notes(_ source: SourceDocument, _ now: Timestamp) -> [String] {
        var notes: [String] = []
        if !source.advice.isEmpty { notes.append(source.advice) }
        if !source.notice.isEmpty { notes.append(source.notice) }
        let dropped = source.refused.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        if !dropped.isEmpty {
            let causes = dropped.map { "\(NumberText.grouped(Int64($0.value))) \($0.key)" }
            notes.append("dropped: " + causes.joined(separator: ", "))
        }
        if source.overloads > 0 {
            notes.append("told to come again: \(NumberText.grouped(Int64(source.overloads))) times")
        }
        if !source.lastError.isEmpty, source.lastError != source.advice,
            let time = source.lastErrorAt
        {
            notes.append("last error \(ago(time, now)): \(source.lastError)")
        }
        // One line each, however long: a terminal wraps it, and grep finds it.
        return notes.map { "    " + $0 }
    }

    private static func rate(_ perSecond: Double) -> String {
        perSecond >= 100
            ? NumberText.grouped(Int64(perSecond.rounded())) + "/s"
            : NumberText.fixed(perSecond, 1) + "/s"
    }

    private static func ago(_ time: String, _ now: Timestamp) -> String {
        guard let moment = Timestamp(rfc3339: time) else { return time }
        return NumberText.roughDuration((now - moment).inSeconds) + " ago"
    }
}
