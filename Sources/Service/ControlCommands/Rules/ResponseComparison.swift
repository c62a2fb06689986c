import Incidents
import Model
import RuleEvaluation
import Timekeeping

/// Compares incidents and messages with what a test expects of them; what it does not name may be anything.
enum ResponseComparison {
    typealias ExpectedIncident = ResponseExpectations.ExpectedIncident
    typealias ExpectedPage = ResponseExpectations.ExpectedPage

    /// Every incident must be expected once, in any order.
    static func outcome(
        _ expected: [ExpectedIncident],
        _ got: [Incident]
    ) -> RuleTestReport.Case.Outcome {
        var left = got
        var wantedLines: [String] = []
        var gotLines: [String] = []
        for wanted in expected {
            wantedLines.append(wanted.line)
            guard let index = left.firstIndex(where: wanted.describes) else { continue }
            // What fits is shown as it was written, so that a difference shows only what does not.
            gotLines.append(wanted.line)
            left.remove(at: index)
        }
        gotLines += left.map { ExpectedIncident($0).line }
        return wantedLines == gotLines
            ? .passed : .differs(expected: wantedLines, got: gotLines)
    }

    /// Messages must come in the order expected.
    static func outcome(
        _ expected: [ExpectedPage],
        _ got: [Page],
        from start: Timestamp
    ) -> RuleTestReport.Case.Outcome {
        let wantedLines = expected.map(\.line)
        let gotLines = got.enumerated().map { index, page in
            let whole = ExpectedPage(page, from: start)
            return index < expected.count && expected[index].describes(whole)
                ? expected[index].line : whole.line
        }
        return wantedLines == gotLines
            ? .passed : .differs(expected: wantedLines, got: gotLines)
    }
}

extension ResponseExpectations.ExpectedIncident {
    /// All that can be expected of an incident.
    init(_ incident: Incident) {
        self.init(
            state: incident.state.rawValue,
            priority: incident.priority,
            level: incident.peakLevel,
            alerts: Set(incident.alerts.map(\.alertName)).sorted(),
            labels: Dictionary(
                incident.commonLabels.labels.map { ($0.name, $0.value) },
                uniquingKeysWith: { first, _ in first }
            )
        )
    }

    /// True when everything that is named is as named.
    func describes(_ incident: Incident) -> Bool {
        let whole = ResponseExpectations.ExpectedIncident(incident)
        return (state == nil || state == whole.state)
            && (priority == nil || priority == whole.priority)
            && (level == nil || level == whole.level)
            && (alerts == nil || alerts == whole.alerts)
            && labels.allSatisfy { whole.labels[$0.key] == $0.value }
    }

    var line: String {
        var parts: [String] = []
        if let state { parts.append("state: \(state)") }
        if let priority { parts.append("priority: \(priority)") }
        if let level { parts.append("level: \(level.rawValue)") }
        if let alerts { parts.append("alerts: [\(alerts.joined(separator: ", "))]") }
        if !labels.isEmpty {
            let pairs = labels.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
            parts.append("labels: {\(pairs.joined(separator: ", "))}")
        }
        return "{\(parts.joined(separator: ", "))}"
    }
}

extension ResponseExpectations.ExpectedPage {
    /// All that can be expected of a message.
    init(_ page: Page, from start: Timestamp) {
        self.init(
            receiver: page.receiver,
            kind: page.kind.rawValue,
            priority: page.incident.priority,
            alertName: page.incident.leadingAlert?.alertName,
            time: page.createdAt - start
        )
    }

    /// True when everything that is named is as named.
    func describes(_ whole: ResponseExpectations.ExpectedPage) -> Bool {
        (receiver == nil || receiver == whole.receiver) && (kind == nil || kind == whole.kind)
            && (priority == nil || priority == whole.priority)
            && (alertName == nil || alertName == whole.alertName)
            && (time == nil || time == whole.time)
    }

    var line: String {
        var parts: [String] = []
        if let time { parts.append("time: \(time.prometheusText)") }
        if let receiver { parts.append("to: \(receiver)") }
        if let kind { parts.append("kind: \(kind)") }
        if let priority { parts.append("priority: \(priority)") }
        if let alertName { parts.append("alertname: \(alertName)") }
        return "{\(parts.joined(separator: ", "))}"
    }
}
