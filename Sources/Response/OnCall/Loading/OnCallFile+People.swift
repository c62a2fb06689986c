import FoundationEssentials
import Model
import Timekeeping
import YAML

extension OnCallFile {
    func receiver(_ map: MappingReader) -> Receiver? {
        let name = map.requiredString("name")
        let kinds = ["webhook", "pagerduty"].filter(map.has)
        defer { map.finish() }
        guard kinds.count == 1, let kind = kinds.first else {
            let problem = kinds.isEmpty ? "has no kind" : "has two kinds"
            map.problems.report(
                map.location,
                "receiver \"\(name ?? "")\" \(problem); give it either webhook or pagerduty"
            )
            return nil
        }
        let read =
            kind == "webhook"
            ? map.mapping("webhook", "a webhook").flatMap(webhook)
            : map.mapping("pagerduty", "a pagerduty receiver").flatMap(pagerduty)
        guard let name, let read else { return nil }
        return Receiver(name: name, kind: read, location: map.location)
    }

    private func webhook(_ map: MappingReader) -> Receiver.Kind? {
        let url = address(map, isRequired: true)
        let secretFile = expanded(map, "secret_file", isRequired: false)
        let format: Receiver.WebhookFormat? = map.has("format") ? map.choice("format") : .tocsin
        map.finish()
        guard let url, let format else { return nil }
        return .webhook(url: url, secretFile: secretFile, format: format)
    }

    private func pagerduty(_ map: MappingReader) -> Receiver.Kind? {
        let file = expanded(map, "routing_key_file", isRequired: true)
        let url = map.has("url") ? address(map, isRequired: true) : Receiver.pagerdutyURL
        map.finish()
        guard let file, let url else { return nil }
        return .pagerduty(url: url, routingKeyFile: file)
    }

    private func address(_ map: MappingReader, isRequired: Bool) -> String? {
        guard let text = expanded(map, "url", isRequired: isRequired) else { return nil }
        guard let parts = URLComponents(string: text),
            parts.scheme == "http" || parts.scheme == "https",
            let host = parts.host, !host.isEmpty
        else {
            map.report(
                "url",
                "\"\(text)\" is no address; give one like https://pager.example.com/hook"
            )
            return nil
        }
        guard parts.user == nil, parts.password == nil else {
            map.report("url", "the address holds a user or password; use secret_file instead")
            return nil
        }
        return text
    }

    func person(_ map: MappingReader) -> Person? {
        let name = map.requiredString("name")
        let zone = timeZone(map)
        let contact = map.strings("contact")
        let waking = zone.flatMap { zone in
            map.has("waking")
                ? map.mapping("waking", "waking").flatMap { dailyHours($0, zone) }
                : .waking(in: zone)
        }
        if zone == nil { _ = map.node("waking") }
        map.finish()
        guard let name, let zone, let waking else { return nil }
        return Person(
            name: name,
            timeZone: zone,
            contact: contact,
            waking: waking,
            location: map.location
        )
    }

    private func dailyHours(_ map: MappingReader, _ zone: TimeZoneRules) -> DailyHours? {
        _ = (map.required("from"), map.required("to"))
        let (from, to) = (wallTime(map, "from"), wallTime(map, "to"))
        map.finish()
        guard let from, let to else { return nil }
        guard from != to else {
            map.report("to", "waking hours from \(from) to \(to) have no length; make them longer")
            return nil
        }
        return DailyHours(from: from, to: to, timeZone: zone)
    }

    func businessHours(_ map: MappingReader, _ fallback: TimeZoneRules) -> BusinessHours? {
        let zone = timeZone(map, default: fallback)
        let usual = BusinessHours.usual(in: fallback)
        let from = map.has("from") ? wallTime(map, "from") : usual.from
        let to = map.has("to") ? wallTime(map, "to") : usual.to
        var days = usual.days
        if map.has("days") { days = weekdays(map, "days") }
        map.finish()
        guard let zone, let from, let to, !days.isEmpty else { return nil }
        guard from < to else {
            map.report("to", "business hours from \(from) to \(to) end before they begin")
            return nil
        }
        return BusinessHours(days: days, from: from, to: to, timeZone: zone)
    }

    private func weekdays(_ map: MappingReader, _ key: String) -> Set<Weekday> {
        var days: Set<Weekday> = []
        for name in map.strings(key) {
            guard let day = Weekday(text: name) else {
                map.report(key, "\"\(name)\" is no day; use Mon, Tue, Wed, Thu, Fri, Sat, Sun")
                continue
            }
            days.insert(day)
        }
        return days
    }

    func flapping(_ map: MappingReader) -> OnCallPolicy.Flapping {
        let usual = OnCallPolicy.Flapping()
        let within = map.duration("reopen_within", in: .zero ... .seconds(86400))
        let after = map.integer("hold_after", in: 1...1000)
        map.finish()
        return .init(
            reopenWithin: within ?? usual.reopenWithin,
            holdAfter: after ?? usual.holdAfter
        )
    }
}
