import Synchronization
package import Timekeeping

/// The name of an incident, short enough to say on the phone: `INC-1TK4ZQ7B3N`.
///
/// Names sort by the time they were given.
package struct IncidentID: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    package let text: String

    package init(_ text: String) { self.text = text }

    package init(from decoder: any Decoder) throws {
        text = try decoder.singleValueContainer().decode(String.self)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    package var description: String { text }

    package static func < (left: IncidentID, right: IncidentID) -> Bool { left.text < right.text }
}

/// Gives names to new incidents.
package protocol IncidentNaming: Sendable {
    func next(at moment: Timestamp) -> IncidentID
}

/// Names from the time and a random part, never twice the same from one source.
///
/// Seven characters of seconds since 2020 and three random ones, in Crockford's base 32, which leaves out the
/// letters that are read as digits.
package final class TimeSortedNames: IncidentNaming {
    private struct State {
        var random: any RandomNumberGenerator & Sendable
        var last: UInt64 = 0
    }

    private let state: Mutex<State>

    /// 2020-01-01T00:00:00Z.
    private static let epochSeconds: Int64 = 1_577_836_800
    private static let randomBits: UInt64 = 15
    private static let digits = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ")

    package init(random: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()) {
        state = Mutex(State(random: random))
    }

    package func next(at moment: Timestamp) -> IncidentID {
        let seconds = max(0, moment.milliseconds / 1000 - TimeSortedNames.epochSeconds)
        let number = state.withLock { state in
            let random = state.random.next() >> (64 - TimeSortedNames.randomBits)
            let fresh = UInt64(seconds) << TimeSortedNames.randomBits | random
            // A second name within a second, or after the clock went back, follows the last one.
            state.last = max(fresh, state.last + 1)
            return state.last
        }
        var text = ""
        for position in (0..<10).reversed() {
            text.append(TimeSortedNames.digits[Int(number >> (UInt64(position) * 5)) & 31])
        }
        return IncidentID("INC-" + text)
    }
}
