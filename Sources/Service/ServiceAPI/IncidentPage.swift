import APIModel

/// One incident for a person: what, since when, what to do, and everything that has happened.
struct IncidentPage {
    let incident: IncidentDocument

    var html: String {
        PageHTML.document(
            title: "\(incident.priority) \(incident.id)",
            refreshSeconds: 10,
            body: """
                <header><h1><a href=/>Tocsin</a> · \(PageHTML.escaped(incident.id))</h1>\
                <span>\(PageHTML.escaped(incident.state))</span></header>
                <p class=\(incident.state == "resolved" ? "ok" : "bad")>\
                \(PageHTML.escaped(incident.priority)) · \(PageHTML.escaped(incident.summary))</p>
                \(PageHTML.table(["", ""], facts, empty: ""))
                \(lines)<h2>What has happened</h2>
                \(PageHTML.table(["When", "What", "", "Who"], events, empty: "Nothing yet."))
                <footer>On a terminal: sloctl incident ack \(PageHTML.escaped(incident.id))</footer>
                """
        )
    }

    private var facts: [[String]] {
        let labels = incident.labels.sorted { $0.key < $1.key }
            .map { "\($0.key)=\($0.value)" }.joined(separator: " ")
        let rows: [(String, String?)] = [
            ("opened", incident.openedAt),
            ("respond by", incident.respondBy),
            (
                "taken",
                incident.acknowledgedBy.map { "by \($0) at \(incident.acknowledgedAt ?? "")" }
            ),
            ("snoozed until", incident.snoozedUntil),
            ("resolved", incident.resolvedAt),
            ("cannot see", incident.blind),
            ("action", incident.action),
            ("runbook", incident.runbook),
            ("labels", labels),
        ]
        return rows.compactMap { name, value in
            value.map { [name, PageHTML.escaped($0)] }
        }
    }

    private var lines: String {
        guard let lines = incident.lines else { return "" }
        let rows = lines.map { line in
            [
                PageHTML.clock(line.at), PageHTML.escaped(line.stream),
                "<code>\(PageHTML.escaped(line.text))</code>",
            ]
        }
        return
            "<h2>The last log lines</h2>\(PageHTML.table(["When", "Where", ""], rows, empty: ""))"
    }

    private var events: [[String]] {
        incident.timeline.map { event in
            [
                PageHTML.clock(event.at), PageHTML.escaped(event.kind.replacing("_", with: " ")),
                PageHTML.escaped(event.text), PageHTML.escaped(event.by ?? ""),
            ]
        }
    }
}
