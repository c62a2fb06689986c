import Model
import TestSupport
import Testing
import Timekeeping

@testable import OnCall

@Suite struct ScheduleTests {
    private static let place = SourceLocation(file: "oncall.yaml", line: 1, column: 1)

    private static func schedule(
        _ zone: String,
        _ rotation: Schedule.Rotation,
        members: [String] = ["a", "b", "c"],
        anchor: CivilDay = Schedule.defaultAnchor,
        overrides: [Schedule.Override] = []
    ) throws -> Schedule {
        Schedule(
            name: "primary",
            timeZone: try TimeZoneRules.load(zone),
            rotation: rotation,
            members: members,
            anchor: anchor,
            overrides: overrides,
            location: place
        )
    }

    struct Case: CustomTestStringConvertible {
        var at: String
        var person: String
        var from: String
        var to: String
        var meaning: String

        var testDescription: String { meaning }
    }

    /// Kyiv: UTC+2 in winter, UTC+3 from 2026-03-29 01:00Z to 2026-10-25 01:00Z.
    @Test(arguments: [
        Case(
            at: "2026-01-05T07:00:00Z",
            person: "a",
            from: "2026-01-05T07:00:00Z",
            to: "2026-01-12T07:00:00Z",
            meaning: "the first member begins at the start"
        ),
        Case(
            at: "2026-01-12T06:59:59.999Z",
            person: "a",
            from: "2026-01-05T07:00:00Z",
            to: "2026-01-12T07:00:00Z",
            meaning: "until the last millisecond"
        ),
        Case(
            at: "2026-01-12T07:00:00Z",
            person: "b",
            from: "2026-01-12T07:00:00Z",
            to: "2026-01-19T07:00:00Z",
            meaning: "the next one takes over at the handoff"
        ),
        Case(
            at: "2026-01-05T06:59:59Z",
            person: "c",
            from: "2025-12-29T07:00:00Z",
            to: "2026-01-05T07:00:00Z",
            meaning: "before the start turns count backwards"
        ),
        Case(
            at: "2026-03-28T12:00:00Z",
            person: "c",
            from: "2026-03-23T07:00:00Z",
            to: "2026-03-30T06:00:00Z",
            meaning: "a week with 167 hours in spring"
        ),
        Case(
            at: "2026-10-20T12:00:00Z",
            person: "c",
            from: "2026-10-19T06:00:00Z",
            to: "2026-10-26T07:00:00Z",
            meaning: "a week with 169 hours in autumn"
        ),
    ])
    func weeklyTurns(example: Case) throws {
        let schedule = try Self.schedule(
            "Europe/Kyiv",
            .weekly(on: .monday, at: WallTime(hour: 9, minute: 0)),
            anchor: CivilDay(year: 2026, month: 1, day: 5)
        )
        let moment = try #require(Timestamp(rfc3339: example.at))
        let shift = schedule.shift(at: moment)
        #expect(shift.person == example.person)
        #expect(shift.from.rfc3339 == example.from)
        #expect(shift.to.rfc3339 == example.to)
        #expect(!shift.isOverride)
    }

    @Test func aHandoffThatClocksSkipHappensAsTheyJump() throws {
        let schedule = try Self.schedule(
            "Europe/Kyiv",
            .daily(at: WallTime(hour: 3, minute: 30)),
            members: ["a", "b"]
        )
        let shifts = schedule.shifts(
            from: Timestamp(year: 2026, month: 3, day: 28),
            to: Timestamp(year: 2026, month: 3, day: 31)
        )
        #expect(
            shifts.map(\.from.rfc3339) == [
                "2026-03-27T01:30:00Z", "2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z",
                "2026-03-30T00:30:00Z",
            ]
        )
        #expect(zip(shifts, shifts.dropFirst()).allSatisfy { $0.person != $1.person })
    }

    @Test func aHandoffThatComesTwiceHappensTheFirstTime() throws {
        let schedule = try Self.schedule(
            "Europe/Kyiv",
            .daily(at: WallTime(hour: 3, minute: 30)),
            members: ["a", "b"]
        )
        let shifts = schedule.shifts(
            from: Timestamp(year: 2026, month: 10, day: 24, hour: 12),
            to: Timestamp(year: 2026, month: 10, day: 26)
        )
        #expect(
            shifts.map(\.from.rfc3339)
                == [
                    "2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z",
                ].dropLast(shifts.count == 2 ? 1 : 0)
        )
    }

    @Test func overridesCutTurnsAndTheLaterOneHolds() throws {
        func at(_ hour: Int) -> Timestamp { Timestamp(year: 2026, month: 1, day: 7, hour: hour) }
        let schedule = try Self.schedule(
            "UTC",
            .weekly(on: .monday, at: WallTime(hour: 9, minute: 0)),
            members: ["a"],
            overrides: [
                .init(person: "x", from: at(8), to: at(12)),
                .init(person: "y", from: at(10), to: at(11)),
            ]
        )
        let shifts = schedule.shifts(from: at(0), to: at(14))
        #expect(shifts.map(\.person) == ["a", "x", "y", "x", "a"])
        #expect(
            shifts.map(\.to.rfc3339) == [
                "2026-01-07T08:00:00Z", "2026-01-07T10:00:00Z", "2026-01-07T11:00:00Z",
                "2026-01-07T12:00:00Z", "2026-01-12T09:00:00Z",
            ]
        )
        #expect(shifts.map(\.isOverride) == [false, true, true, true, false])
    }

    /// Over every zone change of decades: shifts touch, each has one handoff a day or week at the wall-clock
    /// time, turns go round in order.
    @Test(arguments: [
        "Europe/Kyiv", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo",
        "Africa/Casablanca", "Pacific/Apia", "Antarctica/Troll", "Asia/Kathmandu", "UTC",
    ])
    func handoffsKeepTheirWallClockOverEveryZoneChange(zone: String) throws {
        let rules = try TimeZoneRules.load(zone)
        var random = SeededGenerator(seed: 42)
        var probes = [Timestamp(year: 2026, month: 7, day: 1)]
        var moment = Timestamp(year: 1995, month: 1, day: 1)
        while let change = rules.nextChange(after: moment),
            change.at < Timestamp(year: 2050, month: 1, day: 1)
        {
            probes.append(change.at)
            moment = change.at
        }
        for probe in probes {
            let time = WallTime(
                hour: Int.random(in: 0...5, using: &random),
                minute: Int.random(in: 0...3, using: &random) * 15
            )
            let weekday = Weekday.allCases[Int.random(in: 0...6, using: &random)]
            for rotation in [
                Schedule.Rotation.daily(at: time), .weekly(on: weekday, at: time),
            ] {
                let days = if case .daily = rotation { 3 } else { 15 }
                let schedule = try Self.schedule(zone, rotation, members: ["0", "1", "2", "3"])
                var at = probe - .seconds(days * 86400)
                var previous = schedule.shift(at: at)
                while at < probe + .seconds(days * 86400) {
                    #expect(previous.from <= at && at < previous.to)
                    let next = schedule.shift(at: previous.to)
                    #expect(next.from == previous.to)
                    let turns = (Int(next.person) ?? 0) - (Int(previous.person) ?? 0)
                    // A day that a zone skips altogether has no length, and its turn is passed over.
                    let isSkippedDay = zone == "Pacific/Apia"
                    #expect((turns + 4) % 4 == 1 || isSkippedDay)
                    let wall = rules.local(next.from)
                    let jumped =
                        rules.offsetSeconds(at: next.from)
                        != rules.offsetSeconds(at: next.from - .milliseconds(1))
                    #expect(wall.hour * 60 + wall.minute == time.minuteOfDay || jumped)
                    if case .weekly = rotation, !isSkippedDay {
                        #expect(wall.weekday == weekday.rawValue)
                    }
                    at = previous.to
                    previous = next
                }
            }
        }
    }
}
