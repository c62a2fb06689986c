import Testing
import Timekeeping

@testable import OnCall

@Suite struct HoursTests {
    struct Case: CustomTestStringConvertible {
        var from: String
        var to: String
        var at: String
        var next: String

        var testDescription: String { "\(from) to \(to) at \(at)" }
    }

    /// Kyiv is UTC+2 until 2026-03-29 01:00Z, then UTC+3.
    @Test(arguments: [
        Case(from: "08:00", to: "22:00", at: "2026-03-28T06:00:00Z", next: "2026-03-28T06:00:00Z"),
        Case(from: "08:00", to: "22:00", at: "2026-03-28T19:59:59Z", next: "2026-03-28T19:59:59Z"),
        Case(from: "08:00", to: "22:00", at: "2026-03-28T20:00:00Z", next: "2026-03-29T05:00:00Z"),
        Case(from: "08:00", to: "22:00", at: "2026-03-28T02:00:00Z", next: "2026-03-28T06:00:00Z"),
        Case(from: "22:00", to: "06:00", at: "2026-03-28T10:00:00Z", next: "2026-03-28T20:00:00Z"),
        Case(from: "22:00", to: "06:00", at: "2026-03-28T23:00:00Z", next: "2026-03-28T23:00:00Z"),
        Case(from: "03:30", to: "05:00", at: "2026-03-28T22:00:00Z", next: "2026-03-29T01:00:00Z"),
    ])
    func wakingHours(example: Case) throws {
        let hours = DailyHours(
            from: try #require(WallTime(text: example.from)),
            to: try #require(WallTime(text: example.to)),
            timeZone: try TimeZoneRules.load("Europe/Kyiv")
        )
        let moment = try #require(Timestamp(rfc3339: example.at))
        #expect(hours.next(from: moment).rfc3339 == example.next)
    }

    @Test(arguments: [
        ("2026-11-24T03:00:00Z", "2026-11-24T07:00:00Z", "2026-11-24T15:00:00Z"),
        ("2026-11-24T07:00:00Z", "2026-11-25T07:00:00Z", "2026-11-25T15:00:00Z"),
        ("2026-11-27T12:00:00Z", "2026-11-30T07:00:00Z", "2026-11-30T15:00:00Z"),
        ("2026-11-28T12:00:00Z", "2026-11-30T07:00:00Z", "2026-11-30T15:00:00Z"),
        ("2026-03-27T12:00:00Z", "2026-03-30T06:00:00Z", "2026-03-30T14:00:00Z"),
    ])
    func businessDays(at: String, opening: String, end: String) throws {
        let hours = BusinessHours.usual(in: try TimeZoneRules.load("Europe/Kyiv"))
        let moment = try #require(Timestamp(rfc3339: at))
        #expect(hours.nextOpening(after: moment).rfc3339 == opening)
        #expect(hours.endOfNextDay(after: moment).rfc3339 == end)
    }

    @Test(arguments: ["9:00", "24:00", "12:60", "12-00", "+1:00", "", "12:00 ", "１２:00"])
    func textThatIsNoTime(text: String) { #expect(WallTime(text: text) == nil) }
}
