import Model
import Timekeeping
import YAML

/// Reads what a test group says about incidents and messages.
enum ResponseExpectationsReader {
    static func read(_ map: MappingReader) -> ResponseExpectations {
        let expectations = ResponseExpectations(
            onCallFile: map.string("oncall_file"),
            actions: map.mappings("incident_actions", "an incident action").compactMap(action),
            incidentTests: map.mappings("incident_test", "an incident test").map(incidentTest),
            pageTests: map.mappings("page_test", "a page test").map(pageTest)
        )
        let isUsed = !expectations.isEmpty || !expectations.actions.isEmpty
        if isUsed, expectations.onCallFile == nil {
            map.problems.report(
                map.location,
                "incident_test and page_test need \"oncall_file\": the on-call file, whose path is "
                    + "relative to this file"
            )
        }
        return expectations
    }

    private static func action(_ map: MappingReader) -> ResponseExpectations.Action? {
        let time = map.duration("time") ?? .zero
        let alertName = map.requiredString("alertname")
        let labels = map.stringMap("labels")
        let person = map.string("by") ?? "test"
        enum Deed: String, CaseIterable { case ack, resolve, snooze }
        let deed = map.required("do") == nil ? nil : map.choice("do", Deed.self)
        let length = map.duration("for", in: .seconds(1) ... .seconds(7 * 86400))
        map.finish()
        guard let alertName, let deed else { return nil }
        if deed == .snooze, length == nil {
            map.report("for", "a snooze needs \"for\": how long it lasts, such as 30m")
            return nil
        }
        let made: ResponseExpectations.Deed =
            switch deed {
            case .ack: .acknowledge
            case .resolve: .resolve
            case .snooze: .snooze(length ?? .zero)
            }
        return ResponseExpectations.Action(
            time: time,
            deed: made,
            person: person,
            alertName: alertName,
            labels: labels,
            location: map.location
        )
    }

    private static func incidentTest(_ map: MappingReader) -> ResponseExpectations.IncidentTest {
        let test = ResponseExpectations.IncidentTest(
            time: map.duration("eval_time") ?? .zero,
            expected: map.mappings("exp_incidents", "an expected incident").map(incident),
            location: map.location
        )
        map.finish()
        return test
    }

    private static func incident(_ map: MappingReader) -> ResponseExpectations.ExpectedIncident {
        let states = ["open", "escalated", "acknowledged", "resolved"]
        let incident = ResponseExpectations.ExpectedIncident(
            state: map.choice("state", among: states.map { ($0, $0) }),
            priority: priority(map),
            level: map.choice("level", among: [("warn", .warn), ("crit", .crit)]),
            alerts: map.has("alerts") ? map.strings("alerts").sorted() : nil,
            labels: map.stringMap("labels")
        )
        map.finish()
        return incident
    }

    private static func pageTest(_ map: MappingReader) -> ResponseExpectations.PageTest {
        let test = ResponseExpectations.PageTest(
            time: map.duration("eval_time") ?? .zero,
            expected: map.mappings("exp_pages", "an expected page").map(page),
            location: map.location
        )
        map.finish()
        return test
    }

    private static func page(_ map: MappingReader) -> ResponseExpectations.ExpectedPage {
        let kinds = [
            "opened", "raised", "escalated", "reopened", "reminded", "digest", "updated",
            "acknowledged", "resolved",
        ]
        let page = ResponseExpectations.ExpectedPage(
            receiver: map.string("to"),
            kind: map.choice("kind", among: kinds.map { ($0, $0) }),
            priority: priority(map),
            alertName: map.string("alertname"),
            time: map.duration("time")
        )
        map.finish()
        return page
    }

    private static func priority(_ map: MappingReader) -> Priority? {
        map.choice("priority", among: Priority.allCases.map { ($0.description, $0) })
    }
}
