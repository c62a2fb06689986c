import Foundation
import TestSupport
import Testing

@testable import Timekeeping

@Suite struct TimeZoneRulesTests {
    struct Case: CustomTestStringConvertible {
        var zone: String
        var wall: (Int, Int, Int, Int, Int)
        var utc: String
        var meaning: String

        var testDescription: String { "\(zone): \(meaning)" }
    }

    @Test(arguments: [
        Case(
            zone: "Europe/Kyiv",
            wall: (2026, 3, 29, 3, 30),
            utc: "2026-03-29T01:00:00Z",
            meaning: "a time that never comes is the moment of the jump"
        ),
        Case(
            zone: "Europe/Kyiv",
            wall: (2026, 3, 29, 2, 59),
            utc: "2026-03-29T00:59:00Z",
            meaning: "the last minute before clocks go forward"
        ),
        Case(
            zone: "Europe/Kyiv",
            wall: (2026, 3, 29, 4, 0),
            utc: "2026-03-29T01:00:00Z",
            meaning: "the first minute after clocks went forward"
        ),
        Case(
            zone: "Europe/Kyiv",
            wall: (2026, 10, 25, 3, 30),
            utc: "2026-10-25T00:30:00Z",
            meaning: "a time that comes twice is the first"
        ),
        Case(
            zone: "Europe/Kyiv",
            wall: (2026, 10, 25, 4, 0),
            utc: "2026-10-25T02:00:00Z",
            meaning: "the end of the repeated hour comes once"
        ),
        Case(
            zone: "America/New_York",
            wall: (2026, 3, 8, 2, 0),
            utc: "2026-03-08T07:00:00Z",
            meaning: "the first missing minute"
        ),
        Case(
            zone: "Asia/Kathmandu",
            wall: (2026, 7, 1, 9, 0),
            utc: "2026-07-01T03:15:00Z",
            meaning: "a zone of quarter hours"
        ),
        Case(
            zone: "Australia/Lord_Howe",
            wall: (2026, 10, 4, 2, 15),
            utc: "2026-10-03T15:30:00Z",
            meaning: "a zone that jumps half an hour"
        ),
        Case(
            zone: "Pacific/Apia",
            wall: (2011, 12, 30, 12, 0),
            utc: "2011-12-30T10:00:00Z",
            meaning: "a day that was skipped altogether"
        ),
        Case(
            zone: "Europe/Dublin",
            wall: (2050, 7, 1, 12, 0),
            utc: "2050-07-01T11:00:00Z",
            meaning: "a rule whose winter is the exception, far in the future"
        ),
        Case(
            zone: "America/Nuuk",
            wall: (2050, 3, 26, 23, 30),
            utc: "2050-03-27T01:00:00Z",
            meaning: "a change on the evening before, by a negative time"
        ),
        Case(
            zone: "UTC",
            wall: (2026, 1, 1, 0, 0),
            utc: "2026-01-01T00:00:00Z",
            meaning: "no data needed"
        ),
    ])
    func theMomentOfAWallClockTime(example: Case) throws {
        let zone = try TimeZoneRules.load(example.zone)
        let (year, month, day, hour, minute) = example.wall
        let moment = zone.moment(year: year, month: month, day: day, hour: hour, minute: minute)
        #expect(moment.rfc3339 == example.utc)
    }

    /// Foundation keeps zone data of its own (ICU), so the two are independent.
    @Test(arguments: [
        "Europe/Kyiv", "Europe/London", "Europe/Dublin", "America/New_York", "America/Sao_Paulo",
        "America/St_Johns", "Asia/Kolkata", "Asia/Tehran", "Asia/Jerusalem", "Africa/Casablanca",
        "Australia/Sydney", "Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Chatham",
        "Antarctica/Troll", "Asia/Tokyo",
    ])
    func offsetsEqualFoundationsAroundEveryChange(name: String) throws {
        let zone = try TimeZoneRules.load(name)
        let other = try #require(TimeZone(identifier: name))
        var moment = Timestamp(year: 1990, month: 1, day: 1)
        let end = Timestamp(year: 2060, month: 1, day: 1)
        var changes = 0
        while let change = zone.nextChange(after: moment), change.at < end {
            for shift in [-86400, -1, 0, 1, 86400] {
                let probe = change.at + .seconds(shift)
                let expected = other.secondsFromGMT(
                    for: Date(timeIntervalSince1970: probe.seconds)
                )
                #expect(
                    zone.offsetSeconds(at: probe) == expected,
                    "\(name) at \(probe.rfc3339)"
                )
            }
            #expect(zone.offsetSeconds(at: change.at) == change.offsetSeconds)
            #expect(zone.offsetSeconds(at: change.at - .milliseconds(1)) != change.offsetSeconds)
            changes += 1
            moment = change.at
        }
        #expect(changes > 0 || name == "Asia/Kolkata" || name == "Asia/Tokyo")
    }

    @Test(arguments: ["Europe/Kyiv", "America/New_York", "Australia/Lord_Howe", "Antarctica/Troll"])
    func wallTimesRoundTripAndNeverGoBack(name: String) throws {
        let zone = try TimeZoneRules.load(name)
        var random = SeededGenerator(seed: 7)
        for _ in 0..<2000 {
            let moment = Timestamp(
                milliseconds: Int64.random(in: 800_000_000...2_600_000_000, using: &random) / 60
                    * 60_000
            )
            let wall = zone.local(moment)
            let back = zone.moment(
                year: wall.year,
                month: wall.month,
                day: wall.day,
                hour: wall.hour,
                minute: wall.minute
            )
            // The same moment, or the first of two that show the same wall time.
            #expect(back <= moment)
            #expect(zone.local(back) == wall)
            let later = zone.moment(
                year: wall.year,
                month: wall.month,
                day: wall.day,
                hour: wall.hour,
                minute: wall.minute + 1
            )
            #expect(later >= back)
        }
    }

    @Test func namesThatAreNoZonesAreRefused() throws {
        for name in ["Europe/Kiew", "", "../passwd", "/etc/passwd", "Europe", "Mars/Olympus\0"] {
            #expect(throws: TimeZoneRules.Failure.self, "\(name)") {
                try TimeZoneRules.load(name)
            }
        }
        #expect(throws: TimeZoneRules.Failure.noData(folder: "/nowhere")) {
            try TimeZoneRules.load("Europe/Kyiv", folder: "/nowhere")
        }
    }

    @Test func damagedDataIsRefusedNotTrusted() throws {
        let good = try #require(
            FileManager.default.contents(atPath: TimeZoneRules.folder + "/Europe/Kyiv")
        )
        for length in stride(from: 0, to: good.count - 40, by: 37) {
            #expect(throws: TimeZoneRules.Failure.self) {
                _ = try TimeZoneRules(name: "cut", tzif: Array(good.prefix(length)))
            }
        }
        var random = SeededGenerator(seed: 3)
        for _ in 0..<500 {
            var bytes = Array(good)
            for _ in 0..<8 {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
                    in: 0...255,
                    using: &random
                )
            }
            // Anything but a trap will do.
            if let zone = try? TimeZoneRules(name: "noise", tzif: bytes) {
                _ = zone.moment(year: 2030, month: 3, day: 31, hour: 3, minute: 30)
            }
        }
    }

    @Test(arguments: [
        "", "E", "EET", "EET-2EEST", "EET-2EEST,M3.5.0/3", "EET-2EEST,M13.5.0,M10.5.0",
        "EET-200", "<+03", "EET-2EEST,M3.5.0/3,M10.5.0/4,", "EET-2EEST,J0,J365",
    ])
    func rulesThatAreNoneAreRefused(text: String) {
        #expect(PosixTimeZoneRule(text) == nil)
    }
}
