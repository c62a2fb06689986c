import RuleEvaluation
import Testing
import Timekeeping

@Suite struct GroupScheduleTests {
    private func at(_ seconds: Double) -> Timestamp { Timestamp(seconds: seconds) }

    @Test func slotsAreMultiplesOfTheIntervalAndTheFirstIsTheNext() {
        var schedule = GroupSchedule(interval: .seconds(15), startingAfter: at(1003))
        #expect(schedule.next == at(1005))
        #expect(schedule.take(at: at(1004.999)) == nil)
        #expect(schedule.take(at: at(1005.2)) == .init(slot: at(1005), missed: 0))
        #expect(schedule.take(at: at(1006)) == nil)
        #expect(schedule.take(at: at(1020)) == .init(slot: at(1020), missed: 0))
    }

    @Test func missedSlotsAreCountedAndOnlyTheNewestIsEvaluated() {
        var schedule = GroupSchedule(interval: .seconds(15), startingAfter: at(1000))
        #expect(schedule.take(at: at(1052)) == .init(slot: at(1050), missed: 3))
        #expect(schedule.next == at(1065))
    }

    @Test func aClockThatGoesBackDoesNotStopTheGroup() {
        var schedule = GroupSchedule(interval: .seconds(15), startingAfter: at(5000))
        #expect(schedule.take(at: at(4995)) == nil)
        #expect(schedule.clockStepsBack == 0, "a little back is waited out")
        #expect(schedule.take(at: at(1000)) == nil)
        #expect(schedule.clockStepsBack == 1)
        #expect(schedule.take(at: at(1005)) == .init(slot: at(1005), missed: 0))
    }

    @Test func aReloadKeepsTheSlotsUnlessTheIntervalChanges() {
        let schedule = GroupSchedule(interval: .seconds(15), startingAfter: at(1000))
        #expect(schedule.rescheduled(interval: .seconds(15), at: at(1100)) == schedule)
        #expect(schedule.rescheduled(interval: .seconds(60), at: at(1100)).next == at(1140))
    }
}
