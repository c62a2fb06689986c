import TestSupport
import Testing
import Timekeeping

@testable import Incidents

@Suite struct IncidentIDTests {
    @Test func namesAreShortSortedAndNeverRepeated() {
        let names = TimeSortedNames(random: SeededGenerator(seed: 5))
        var given: [IncidentID] = []
        var moment = Timestamp(year: 2026, month: 11, day: 24)
        for index in 0..<20_000 {
            given.append(names.next(at: moment))
            // The clock steps back now and then.
            moment = moment + .milliseconds(index % 1000 == 999 ? -60_000 : 40)
        }
        #expect(Set(given).count == given.count)
        #expect(zip(given, given.dropFirst()).allSatisfy { $0 < $1 })
        #expect(given.allSatisfy { $0.text.count == 14 && $0.text.hasPrefix("INC-") })
    }

    @Test func namesOfDifferentSecondsSortAcrossSources() {
        let early = TimeSortedNames(random: SeededGenerator(seed: 1))
            .next(at: Timestamp(year: 2026, month: 11, day: 24))
        let late = TimeSortedNames(random: SeededGenerator(seed: 2))
            .next(at: Timestamp(year: 2026, month: 11, day: 24, second: 1))
        #expect(early < late)
    }
}
