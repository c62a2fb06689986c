import APIModel
import Buffers
import Timekeeping

/// The page a person opens first: what is wrong, how budgets stand, what each source is doing.
///
/// Plain HTML with its style inside: no script, nothing loaded from elsewhere. Reloads itself.
struct StatusPage {
    var incidents: [IncidentDocument]
    var slos: [BudgetDocument]
    var alerts: [AlertRow]
    var sources: [SourceDocument]
    var now: Timestamp

    /// One pending or firing alert.
    struct AlertRow: Sendable {
        var name: String
        var state: String
        var labels: String
        var value: String
        var since: String
    }

    var html: String {
        let open = incidents.filter { $0.state != "resolved" }
        let headline =
            open.isEmpty
            ? "<p class=ok>Nothing is wrong that Tocsin knows of.</p>"
            : "<p class=bad>\(open.count) open incident\(open.count == 1 ? "" : "s")</p>"
        return PageHTML.document(
            title: open.isEmpty ? "Tocsin" : "(\(open.count)) Tocsin",
            refreshSeconds: 5,
            body: """
                <header><h1>Tocsin</h1><span>\(PageHTML.escaped(now.rfc3339))</span></header>
                \(headline)
                <h2>Incidents</h2>
                \(incidentTable)
                <h2>Error budgets</h2>
                \(budgetTable)
                <h2>Alerts</h2>
                \(alertTable)
                <h2>Sources</h2>
                \(sourceTable)
                <footer><a href=/metrics>metrics</a> <a href=/api/v1/rules>rules</a> \
                <a href="/v1/incidents?all=true">incidents</a> <a href=/v1/deliveries>deliveries</a> \
                Tocsin \(ProductVersion.version)</footer>
                """
        )
    }

    private var incidentTable: String {
        PageHTML.table(
            ["Priority", "Incident", "State", "Opened", "What, and what to do"],
            incidents.map { incident in
                let advice = [incident.action, incident.runbook.map { "runbook: \($0)" }]
                    .compactMap { $0 }.joined(separator: " · ")
                return [
                    PageHTML.badge(incident.priority, incident.state == "resolved" ? "" : "bad"),
                    "<a href=\"/ui/incidents/\(PageHTML.escaped(incident.id))\">\(PageHTML.escaped(incident.id))</a>",
                    PageHTML.escaped(incident.state), PageHTML.clock(incident.openedAt),
                    PageHTML.escaped(incident.summary)
                        + (advice.isEmpty ? "" : "<br><small>\(PageHTML.escaped(advice))</small>"),
                ]
            },
            empty: "No incidents."
        )
    }

    private var budgetTable: String {
        PageHTML.table(
            ["Objective", "Status", "Budget left", "", "Burn (1h)", "Coverage"],
            slos.map { slo in
                let left = slo.budget.remainingRatio
                let width = Int((max(0, min(1, left ?? 0)) * 100).rounded())
                let color =
                    switch slo.status {
                    case "OK": "ok"
                    case "WARNING": "warn"
                    case "BREACHED": "bad"
                    default: ""
                    }
                let burn = slo.burn.first { $0.window == "1h" }?.rate
                return [
                    "\(PageHTML.escaped(slo.slo)) <small>\(PageHTML.objective(slo.objective))</small>",
                    PageHTML.badge(slo.status.replacing("_", with: " "), color),
                    PageHTML.percent(left),
                    "<div class=bar><i class=\(color.isEmpty ? "none" : color) "
                        + "style=\"width:\(width)%\"></i></div>",
                    burn.map { PrintfNumber.fixed($0, decimals: 1) + "x" } ?? "unknown",
                    PageHTML.percent(slo.coverage),
                ]
            },
            empty: "No objectives are loaded."
        )
    }

    private var alertTable: String {
        PageHTML.table(
            ["Alert", "State", "Labels", "Value", "Since"],
            alerts.map { alert in
                [
                    PageHTML.escaped(alert.name),
                    PageHTML.badge(alert.state, alert.state == "firing" ? "bad" : "warn"),
                    PageHTML.escaped(alert.labels), PageHTML.escaped(alert.value),
                    PageHTML.clock(alert.since),
                ]
            },
            empty: "No alerts."
        )
    }

    private var sourceTable: String {
        PageHTML.table(
            ["Source", "", "Last success", "Lag", "A second", "Accepted", "Dropped", "What to do"],
            sources.map { source in
                let color =
                    switch source.state {
                    case "ok": "ok"
                    case "refusing": "warn"
                    case "failing": "bad"
                    default: ""
                    }
                let dropped = source.refused.sorted { $0.key < $1.key }
                    .map { "\($0.key) \($0.value)" }.joined(separator: ", ")
                return [
                    PageHTML.escaped(source.name), PageHTML.badge(source.state, color),
                    source.lastSuccess.map { PageHTML.clock($0) } ?? "",
                    source.lagSeconds.map { "\(Int($0.rounded())) s" } ?? "",
                    source.perSecond.map { PrintfNumber.fixed($0, decimals: 1) } ?? "",
                    source.on ? "\(source.accepted)" : "", PageHTML.escaped(dropped),
                    PageHTML.escaped(
                        [source.advice, source.notice].filter { !$0.isEmpty }
                            .joined(separator: "; ")
                    ) + StatusPage.past(source),
                ]
            },
            empty: "No sources."
        )
    }

    /// The last error when it is over, for whoever wonders what that gap was.
    private static func past(_ source: SourceDocument) -> String {
        guard !source.lastError.isEmpty, source.lastError != source.advice,
            let time = source.lastErrorAt
        else { return "" }
        return "<br><small>last error \(PageHTML.clock(time)): "
            + "\(PageHTML.escaped(source.lastError))</small>"
    }

}
