package import Model
package import Timekeeping

/// Who is on call when: members take turns, handing over at a time of a wall clock.
///
/// A handoff at a time that clocks skip happens when they jump; at a time that comes twice, the first time.
/// So there is exactly one handoff for every day or week, whatever clocks do.
package struct Schedule: Hashable, Sendable {
    /// How long a turn is.
    package enum Rotation: Hashable, Sendable {
        case daily(at: WallTime)
        case weekly(on: Weekday, at: WallTime)
    }

    /// Somebody steps in for a while.
    package struct Override: Hashable, Sendable {
        package var person: String
        package var from: Timestamp
        /// Not included.
        package var to: Timestamp

        package init(person: String, from: Timestamp, to: Timestamp) {
            self.person = person
            self.from = from
            self.to = to
        }
    }

    /// A span during which one person is on call.
    package struct Shift: Hashable, Sendable {
        package var person: String
        package var from: Timestamp
        /// Not included.
        package var to: Timestamp
        package var isOverride: Bool
    }

    package var name: String
    package var timeZone: TimeZoneRules
    package var rotation: Rotation
    /// Names of people, in the order of their turns; not empty.
    package var members: [String]
    /// The first member's turn begins with the first handoff on or after this day; turns before it go backwards.
    let anchor: CivilDay
    /// Of overlapping overrides the later in the list holds.
    package var overrides: [Override]
    package var location: SourceLocation

    /// Monday, 1970-01-05: where turns are counted from when the file names no start.
    static let defaultAnchor = CivilDay(year: 1970, month: 1, day: 5)

    init(
        name: String,
        timeZone: TimeZoneRules,
        rotation: Rotation,
        members: [String],
        anchor: CivilDay = Schedule.defaultAnchor,
        overrides: [Override] = [],
        location: SourceLocation
    ) {
        precondition(!members.isEmpty, "a schedule has members")
        self.name = name
        self.timeZone = timeZone
        self.rotation = rotation
        self.members = members
        self.anchor = anchor
        self.overrides = overrides
        self.location = location
    }

    /// The shift at a moment, as long as nothing changes.
    package func shift(at moment: Timestamp) -> Shift {
        let turn = turn(at: moment)
        var shift = Shift(
            person: turn.person,
            from: turn.from,
            to: turn.to,
            isOverride: false
        )
        if let override = overrides.last(where: { $0.from <= moment && moment < $0.to }) {
            shift = Shift(
                person: override.person,
                from: override.from,
                to: override.to,
                isOverride: true
            )
        }
        // Overrides that hold later, or held before, cut the shift.
        for edge in overrides.flatMap({ [$0.from, $0.to] }) {
            if edge > moment { shift.to = min(shift.to, edge) }
            if edge <= moment { shift.from = max(shift.from, edge) }
        }
        return shift
    }

    /// Shifts one after another over a span of time, those of one person joined; at most `limit`.
    package func shifts(from start: Timestamp, to end: Timestamp, limit: Int = 1000) -> [Shift] {
        var found: [Shift] = []
        var moment = start
        while moment < end, found.count < limit {
            let next = shift(at: moment)
            if let last = found.last, last.person == next.person,
                last.isOverride == next.isOverride
            {
                found[found.count - 1].to = next.to
            } else {
                found.append(next)
            }
            moment = next.to
        }
        return found
    }

    private struct Turn {
        var person: String
        var from: Timestamp
        var to: Timestamp
    }

    private var stepDays: Int {
        switch rotation {
        case .daily: 1
        case .weekly: 7
        }
    }

    private var time: WallTime {
        switch rotation {
        case .daily(let time), .weekly(_, let time): time
        }
    }

    /// The first handoff day on or after the anchor.
    private var firstHandoff: CivilDay {
        switch rotation {
        case .daily: anchor
        case .weekly(let weekday, _):
            anchor.advanced(by: (weekday.rawValue - anchor.weekday.rawValue + 7) % 7)
        }
    }

    private func turn(at moment: Timestamp) -> Turn {
        let first = firstHandoff
        let today = CivilDay(at: moment, in: timeZone)
        // Floor division: turns before the first one count backwards.
        let distance = Double(today.number - first.number)
        var index = Int((distance / Double(stepDays)).rounded(.down))
        func start(_ index: Int) -> Timestamp {
            first.advanced(by: index * stepDays).moment(time, in: timeZone)
        }
        while start(index) > moment { index -= 1 }
        while start(index + 1) <= moment { index += 1 }
        let member = ((index % members.count) + members.count) % members.count
        return Turn(person: members[member], from: start(index), to: start(index + 1))
    }
}
