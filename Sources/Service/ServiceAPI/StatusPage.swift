import APIModel
import Foundation
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
        return """
            <!doctype html>
            <html lang=en>
            <head>
            <meta charset=utf-8>
            <meta name=viewport content="width=device-width, initial-scale=1">
            <meta http-equiv=refresh content=5>
            <title>\(open.isEmpty ? "" : "(\(open.count)) ")Tocsin</title>
            <style>\(StatusPage.style)</style>
            </head>
            <body>
            <header><h1>Tocsin</h1><span>\(escaped(now.rfc3339))</span></header>
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
            <a href=/v1/incidents?all=true>incidents</a> <a href=/v1/deliveries>deliveries</a> \
            Tocsin \(ProductVersion.version)</footer>
            </body>
            </html>

            """
    }

    private var incidentTable: String {
        table(
            ["Priority", "Incident", "State", "Opened", "What, and what to do"],
            incidents.map { incident in
                let advice = [incident.action, incident.runbook.map { "runbook: \($0)" }]
                    .compactMap { $0 }.joined(separator: " · ")
                return [
                    badge(incident.priority, incident.state == "resolved" ? "" : "bad"),
                    escaped(incident.id), escaped(incident.state), clock(incident.openedAt),
                    escaped(incident.summary)
                        + (advice.isEmpty ? "" : "<br><small>\(escaped(advice))</small>"),
                ]
            },
            empty: "No incidents."
        )
    }

    private var budgetTable: String {
        table(
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
                    "\(escaped(slo.slo)) <small>\(percent(slo.objective, 3))</small>",
                    badge(slo.status.replacing("_", with: " "), color),
                    percent(left, 1),
                    "<div class=bar><i class=\(color.isEmpty ? "none" : color) "
                        + "style=\"width:\(width)%\"></i></div>",
                    burn.map { String(format: "%.1fx", $0) } ?? "unknown",
                    percent(slo.coverage, 1),
                ]
            },
            empty: "No objectives are loaded."
        )
    }

    private var alertTable: String {
        table(
            ["Alert", "State", "Labels", "Value", "Since"],
            alerts.map { alert in
                [
                    escaped(alert.name),
                    badge(alert.state, alert.state == "firing" ? "bad" : "warn"),
                    escaped(alert.labels), escaped(alert.value), clock(alert.since),
                ]
            },
            empty: "No alerts."
        )
    }

    private var sourceTable: String {
        table(
            ["Source", "", "Lag", "Accepted", "Refused", "Advice"],
            sources.map { source in
                let refused = source.refused.sorted { $0.key < $1.key }
                    .map { "\($0.key) \($0.value)" }.joined(separator: ", ")
                return [
                    escaped(source.name), badge(source.on ? "on" : "off", source.on ? "ok" : ""),
                    source.lagSeconds.map { "\(Int($0.rounded())) s" } ?? "unknown",
                    "\(source.accepted)", refused.isEmpty ? "0" : escaped(refused),
                    escaped(source.advice),
                ]
            },
            empty: "No sources."
        )
    }

    private func table(_ header: [String], _ rows: [[String]], empty: String) -> String {
        guard !rows.isEmpty else { return "<p class=none>\(empty)</p>" }
        let head = header.map { "<th>\($0)</th>" }.joined()
        let body = rows.map { row in
            "<tr>" + row.map { "<td>\($0)</td>" }.joined() + "</tr>"
        }.joined(separator: "\n")
        return "<div class=scroll><table><thead><tr>\(head)</tr></thead>\n<tbody>\n\(body)\n"
            + "</tbody></table></div>"
    }

    private func badge(_ text: String, _ kind: String) -> String {
        "<b class=\"badge \(kind)\">\(escaped(text))</b>"
    }

    private func percent(_ ratio: Double?, _ decimals: Int) -> String {
        guard let ratio else { return "unknown" }
        return String(format: "%.\(decimals)g%%", (ratio * 100))
            .replacing("-0%", with: "0%")
    }

    private func clock(_ time: String) -> String {
        "<time datetime=\"\(escaped(time))\">\(escaped(time.replacing("T", with: " ")))</time>"
    }

    private func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
            .replacing(">", with: "&gt;").replacing("\"", with: "&quot;")
    }

    private static let style = """
        :root{color-scheme:light dark;--ink:#1c1e21;--paper:#fff;--line:#d9dce1;--soft:#6b7280;
        --ok:#1a7f47;--warn:#b45309;--bad:#c0262d}
        @media(prefers-color-scheme:dark){:root{--ink:#e6e7ea;--paper:#15171a;--line:#32363c;
        --soft:#9aa1ab;--ok:#4cc38a;--warn:#f0a04b;--bad:#ff6b6f}}
        body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);
        margin:0 auto;max-width:72rem;padding:1rem 1.25rem 3rem}
        header{display:flex;justify-content:space-between;align-items:baseline}
        h1{font-size:1.3rem;margin:.2rem 0}h2{font-size:1rem;margin:1.8rem 0 .4rem}
        header span,small,footer,.none,time{color:var(--soft)}
        table{border-collapse:collapse;width:100%}.scroll{overflow-x:auto}
        th{font-weight:500;text-align:left;color:var(--soft);font-size:.85rem}
        th,td{padding:.35rem .9rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top}
        td{font-variant-numeric:tabular-nums}
        p.ok,p.bad{font-size:1.1rem;font-weight:600}.ok{color:var(--ok)}.warn{color:var(--warn)}
        .bad{color:var(--bad)}.badge{font-weight:600;white-space:nowrap}
        .bar{width:9rem;height:.55rem;margin-top:.45rem;background:var(--line);border-radius:3px}
        .bar i{display:block;height:100%;border-radius:3px;background:currentColor}
        footer{margin-top:2.5rem;font-size:.85rem}footer a{color:inherit;margin-right:.8rem}
        """
}
