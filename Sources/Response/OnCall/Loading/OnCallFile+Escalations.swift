import Model
import Timekeeping
import YAML

extension OnCallFile {
    /// The name of the plan that needs no escalation.
    static let digestName = "digest"

    func escalation(_ map: MappingReader) -> Escalation? {
        let name = map.requiredString("name")
        if name == OnCallFile.digestName {
            map.report("name", "\"digest\" is built in; give this escalation another name")
        }
        let readers = map.mappings("steps", "a step")
        let steps = readers.enumerated().map { step($0.element, isFirst: $0.offset == 0) }
        let count = map.integer("repeat", in: 0...100) ?? 0
        let wait = map.duration("repeat_after", in: .seconds(60) ... .seconds(7 * 86400))
        map.finish()
        if readers.isEmpty {
            map.report(
                "steps",
                "escalation \"\(name ?? "")\" has no steps: it reaches nobody; add one"
            )
        }
        let good = steps.compactMap { $0 }
        guard let name, !good.isEmpty, good.count == steps.count else { return nil }
        let longest = good.map(\.after).max() ?? .zero
        return Escalation(
            name: name,
            steps: good,
            repeatCount: count,
            repeatAfter: wait ?? (longest > .zero ? longest : Escalation.defaultRepeatAfter),
            location: map.location
        )
    }

    private func step(_ map: MappingReader, isFirst: Bool) -> Escalation.Step? {
        let after = map.duration("after", in: .zero ... .seconds(7 * 86400))
        if !isFirst, !map.has("after") {
            map.report(
                "after",
                "a later step needs \"after\": how long to wait for an acknowledgement"
            )
        }
        if isFirst, let after, after > .zero {
            map.report("after", "the first step is taken at once; remove \"after\"")
        }
        let written = map.required("notify") == nil ? [] : map.strings("notify")
        let targets = written.compactMap { target($0, map) }
        if written.isEmpty, map.has("notify") {
            problems.report(
                map.location,
                "this step notifies nobody; use schedule/NAME, person/NAME or receiver/NAME"
            )
        }
        map.finish()
        guard !targets.isEmpty, targets.count == written.count else { return nil }
        return Escalation.Step(after: after ?? .zero, targets: targets, location: map.location)
    }

    private func target(_ text: String, _ map: MappingReader) -> Escalation.Target? {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let name = parts.count == 2 ? String(parts[1]) : ""
        switch (parts[0], name.isEmpty) {
        case ("schedule", false): return .schedule(name)
        case ("person", false): return .person(name)
        case ("receiver", false): return .receiver(name)
        default:
            map.report(
                "notify",
                "\"\(text)\" names nobody; use schedule/NAME, person/NAME or receiver/NAME"
            )
            return nil
        }
    }

    /// The response times of the product's table, for what the file leaves out.
    private static func usualResponse(_ priority: Priority) -> PriorityPolicy.Response {
        switch priority {
        case .p1: .within(.seconds(15 * 60))
        case .p2: .within(.seconds(30 * 60))
        case .p3: .within(.seconds(4 * 3600))
        case .p4: .nextBusinessDay
        }
    }

    func priorities(
        _ map: MappingReader?,
        escalations: [Escalation],
        at location: SourceLocation
    ) -> [PriorityPolicy] {
        var policies: [PriorityPolicy] = []
        for priority in Priority.allCases {
            let reader = map?.mapping("\(priority)", "\(priority)")
            var response = OnCallFile.usualResponse(priority)
            var hours = PriorityPolicy.Hours.always
            var plan = PriorityPolicy.Plan.escalation("default")
            if let reader {
                let written = reader.parsed(
                    "respond_within",
                    "a duration like 15m, or next_business_day",
                    OnCallFile.response
                )
                response = written ?? response
                if reader.has("hours") { hours = reader.choice("hours") ?? hours }
                switch reader.string("escalation") {
                case OnCallFile.digestName: plan = .digest
                case let name?: plan = .escalation(name)
                case nil: break
                }
                reader.finish()
            }
            let place = reader?.location ?? map?.location ?? location
            if reader?.has("escalation") != true,
                !escalations.contains(where: { $0.name == "default" })
            {
                problems.report(
                    place,
                    "\(priority) has no escalation and there is none named \"default\": it reaches "
                        + "nobody; add priorities.\(priority).escalation"
                )
            }
            policies.append(
                PriorityPolicy(
                    priority: priority,
                    response: response,
                    plan: plan,
                    hours: hours,
                    location: place
                )
            )
        }
        map?.finish()
        return policies
    }

    private static func response(_ text: String) -> PriorityPolicy.Response? {
        if text == "next_business_day" { return .nextBusinessDay }
        guard let duration = Duration(prometheus: text), duration > .zero else { return nil }
        return .within(duration)
    }
}
