import APIModel
import Timekeeping

/// An objective's budget as a person reads it in a terminal of ninety columns.
struct BudgetTable {
    let document: BudgetDocument
    let terminal: Terminal

    /// Lines, each ended.
    ///
    /// On a terminal with colours and a sparkline; the same text without them in a pipe.
    var text: String {
        var lines = [headline, attained, budget, burn]
        if let exhausts { lines.append(exhausts) }
        if let recovery { lines.append(recovery) }
        if let days { lines.append(days) }
        return lines.joined(separator: "\n") + "\n"
    }

    private var headline: String {
        let window =
            document.window.type == "rolling"
            ? "over \(NumberText.duration(windowSeconds)) rolling" : "this calendar month"
        let color: Terminal.Color =
            switch document.status {
            case "OK": .green
            case "WARNING": .yellow
            case "BREACHED": .red
            default: .dim
            }
        let clock = document.asOf.split(separator: "T").last.map { $0.prefix(8) + "Z" } ?? ""
        return terminal.colored(document.slo, .bold)
            + "   \(NumberText.shortPercent(document.objective)) \(window)   "
            + terminal.colored(document.status.replacing("_", with: " "), color)
            + "   as of \(clock)"
            + "   coverage \(NumberText.percent(document.coverage, decimals: 1))"
    }

    private var windowSeconds: Double {
        guard let start = Timestamp(rfc3339: document.window.start),
            let end = Timestamp(rfc3339: document.window.end)
        else { return 0 }
        return (end - start).inSeconds
    }

    private var attained: String {
        guard document.total > 0 else {
            return row("attained", "unknown: no events in the window")
        }
        let counts =
            "good \(NumberText.grouped(document.good)) / \(NumberText.grouped(document.total))"
            + "   bad \(NumberText.grouped(document.bad))"
        return row(
            "attained",
            pad(NumberText.percent(document.attained, decimals: 4), 12) + counts
        )
    }

    private var budget: String {
        guard let remaining = document.budget.remainingRatio,
            let events = document.budget.remainingEvents,
            let seconds = document.budget.remainingSeconds
        else { return row("budget left", NumberText.unknown) }
        let whole = (1 - document.objective) * windowSeconds
        let words =
            events < 0
            ? "overspent by \(NumberText.grouped(-events)) events"
            : "\(NumberText.grouped(events)) bad events, or \(NumberText.duration(seconds))"
                + " of full outage (of \(NumberText.duration(whole)))"
        return row("budget left", pad(NumberText.percent(remaining, decimals: 1), 12) + words)
    }

    private var burn: String {
        let rates = document.burn.map { burn in
            let rate = burn.rate.map { NumberText.fixed($0, 1) + "x" } ?? "?"
            let text = "\(burn.window) \(rate)"
            return burn.firing ? terminal.colored(text + "!", .red) : text
        }
        let pages = document.burn.compactMap(\.threshold).max()
        let limit = pages.map { "   pages at \(NumberText.fixed($0, 1))x" } ?? ""
        return row("burn", rates.joined(separator: "  ") + limit)
    }

    private var exhausts: String? {
        guard let exhaustion = document.exhaustion, let now = Timestamp(rfc3339: document.asOf),
            let earliest = Timestamp(rfc3339: exhaustion.earliest)
        else { return nil }
        let soon = NumberText.roughDuration((earliest - now).inSeconds)
        let late = exhaustion.latest.flatMap { Timestamp(rfc3339: $0) }.map {
            ".." + NumberText.roughDuration(($0 - now).inSeconds)
        }
        return row("exhausts", "in \(soon)\(late ?? "") (\(exhaustion.basis))")
    }

    private var recovery: String? {
        guard let at = document.recoveryAt.flatMap({ Timestamp(rfc3339: $0) }),
            let now = Timestamp(rfc3339: document.asOf)
        else { return nil }
        return row(
            "recovers",
            "in \(NumberText.roughDuration((at - now).inSeconds)) when nothing fails any more"
        )
    }

    private var days: String? {
        let spent = document.daily.map(\.spentRatio)
        guard let worst = document.daily.max(by: { $0.spentRatio ?? 0 < $1.spentRatio ?? 0 }),
            let share = worst.spentRatio, share > 0
        else { return nil }
        let words =
            "worst \(worst.date.dropFirst(5)) (-\(NumberText.percent(share, decimals: 1)) of budget)"
        guard terminal.isInteractive else { return row("by day", words) }
        return row("by day", BudgetTable.sparkline(spent) + "   " + words)
    }

    /// One mark a day, the tallest for the worst; a space for a day without data.
    static func sparkline(_ values: [Double?]) -> String {
        let marks = Array("▁▂▃▄▅▆▇█")
        let top = values.compactMap { $0 }.max() ?? 0
        return String(
            values.map { value in
                guard let value else { return " " }
                guard top > 0 else { return marks[0] }
                return marks[min(marks.count - 1, Int((value / top * 7).rounded()))]
            }
        )
    }

    private func row(_ name: String, _ text: String) -> String { "  " + pad(name, 14) + text }

    private func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }
}
