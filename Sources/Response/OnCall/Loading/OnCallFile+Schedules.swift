import Model
import Timekeeping
import YAML

extension OnCallFile {
    private enum RotationName: String, CaseIterable {
        case daily, weekly
    }

    /// Overrides that one schedule may list.
    static let overridesMax = 1000

    func schedule(_ map: MappingReader) -> Schedule? {
        let name = map.requiredString("name")
        let zone = timeZone(map)
        let rotation = map.has("rotation") ? map.choice("rotation", RotationName.self) : .weekly
        let handoff = rotation.flatMap { self.handoff(map, $0) }
        if rotation == nil { _ = map.node("handoff") }
        let members = map.strings("members")
        let anchor = map.has("start") ? date(map, "start") : Schedule.defaultAnchor
        let overrides = map.mappings("overrides", "an override").compactMap { stepIn($0, zone) }
        map.finish()
        if members.isEmpty {
            map.report(
                "members",
                "schedule \"\(name ?? "")\" has no members; add at least one person"
            )
        }
        if overrides.count > OnCallFile.overridesMax {
            map.report(
                "overrides",
                "\(overrides.count) overrides (limit \(OnCallFile.overridesMax)); remove past ones"
            )
        }
        guard let name, let zone, let handoff, let anchor, !members.isEmpty else { return nil }
        return Schedule(
            name: name,
            timeZone: zone,
            rotation: handoff,
            members: members,
            anchor: anchor,
            overrides: overrides,
            location: map.location
        )
    }

    private func handoff(_ map: MappingReader, _ rotation: RotationName) -> Schedule.Rotation? {
        switch rotation {
        case .daily:
            guard map.required("handoff") != nil else { return nil }
            return wallTime(map, "handoff").map { .daily(at: $0) }
        case .weekly:
            guard map.required("handoff") != nil else { return nil }
            return map.parsed("handoff", "a day and time like \"Mon 09:00\"") { text in
                let words = text.split(separator: " ")
                guard words.count == 2, let day = Weekday(text: String(words[0])),
                    let time = WallTime(text: String(words[1]))
                else { return nil }
                return .weekly(on: day, at: time)
            }
        }
    }

    private func date(_ map: MappingReader, _ key: String) -> CivilDay? {
        map.parsed(key, "a date like 2026-01-05") { text in
            Timestamp(rfc3339: text + "T00:00:00Z").map { moment in
                CivilDay(at: moment, in: .utc)
            }
        }
    }

    private func stepIn(_ map: MappingReader, _ zone: TimeZoneRules?) -> Schedule.Override? {
        let person = map.requiredString("person")
        _ = (map.required("from"), map.required("to"))
        let expected = "a time like \"2026-12-24 09:00\" (the schedule's clock) or RFC 3339"
        func moment(_ key: String) -> Timestamp? {
            guard map.has(key) else { return nil }
            return map.parsed(key, expected) { OnCallFile.moment($0, in: zone ?? .utc) }
        }
        let (from, to) = (moment("from"), moment("to"))
        map.finish()
        guard let person, let from, let to else { return nil }
        guard from < to else {
            map.report(
                "to",
                "the override of \"\(person)\" ends before it begins; exchange from and to"
            )
            return nil
        }
        return Schedule.Override(person: person, from: from, to: to)
    }

    /// A moment with its offset, or a date and time of a wall clock.
    static func moment(_ text: String, in zone: TimeZoneRules) -> Timestamp? {
        if let moment = Timestamp(rfc3339: text) { return moment }
        let words = text.split { $0 == " " || $0 == "T" }
        guard words.count == 2, words[0].utf8.count == 10,
            let day = Timestamp(rfc3339: words[0] + "T00:00:00Z"),
            let time = WallTime(text: String(words[1]))
        else { return nil }
        return CivilDay(at: day, in: .utc).moment(time, in: zone)
    }
}
