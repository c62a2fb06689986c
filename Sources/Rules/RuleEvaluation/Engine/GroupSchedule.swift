package import Timekeeping

/// When a group is due: at every multiple of its interval since 1970.
///
/// Groups of one interval share their slots, so that one evaluation of a selector serves all of them. A
/// slot that is not evaluated before the next one comes is missed: counted, never evaluated late.
package struct GroupSchedule: Hashable, Sendable {
    /// A slot to evaluate.
    package struct Turn: Hashable, Sendable {
        package var slot: Timestamp
        /// Slots between the last one taken and this one.
        package var missed: Int

        package init(slot: Timestamp, missed: Int) {
            self.slot = slot
            self.missed = missed
        }
    }

    /// Positive.
    package let interval: Duration
    /// The newest slot that is behind us.
    package private(set) var last: Timestamp
    /// How often the clock was seen to go back by more than an interval.
    package private(set) var clockStepsBack = 0

    /// The first slot is the next one after `now`, as Prometheus does it.
    package init(interval: Duration, startingAfter now: Timestamp) {
        precondition(interval.milliseconds > 0, "an interval is positive")
        self.interval = interval
        last = now.floored(to: interval)
    }

    package var next: Timestamp { last + interval }

    /// The slot to evaluate at `now`, if one is due; later slots follow from it.
    ///
    /// When the clock has gone back by more than an interval, slots go on from the new time instead of waiting for
    /// the old one to come again.
    package mutating func take(at now: Timestamp) -> Turn? {
        let slot = now.floored(to: interval)
        if slot > last {
            let passed = (slot - last).milliseconds / interval.milliseconds
            last = slot
            return Turn(slot: slot, missed: Int(passed) - 1)
        }
        if last - now > interval {
            last = slot
            clockStepsBack += 1
        }
        return nil
    }

    /// The same slots as far as the interval is the same; a changed interval starts anew.
    package func rescheduled(interval: Duration, at now: Timestamp) -> GroupSchedule {
        interval == self.interval ? self : GroupSchedule(interval: interval, startingAfter: now)
    }
}
