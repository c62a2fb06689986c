import Model
import Rules
import Timekeeping

/// One side of an indicator (bad, good or total): turns samples into counts per minute, once each.
///
/// Reading a sample twice changes nothing, so that the ledger may re-read a range as often as it likes:
/// a counter keeps a cursor for each series, a delta keeps what each recent sample has contributed.
struct EventSide: Sendable {
    /// A counter series' last sample that was counted.
    struct Cursor: Hashable, Sendable {
        var timestamp: Timestamp
        var value: Double
    }

    /// A sample of one series at one moment.
    struct Place: Hashable, Sendable {
        /// The series' labels as text.
        var series: String
        var timestamp: Timestamp
    }

    /// A change of a minute's count.
    struct Change: Hashable, Sendable {
        var minute: Int64
        var events: Int64
    }

    let kind: SLODefinition.CountKind
    private(set) var cursors: [String: Cursor] = [:]
    private(set) var contributions: [Place: Int64] = [:]
    private var changedCursors: Set<String> = []
    private var changedPlaces: Set<Place> = []

    /// Samples that could not be counted: not finite, negative, or beyond what an integer holds.
    private(set) var unusable = 0

    init(kind: SLODefinition.CountKind) { self.kind = kind }

    static func minute(_ moment: Timestamp) -> Int64 {
        moment.floored(to: .seconds(60)).milliseconds / 60000
    }

    /// Reads samples of one series, oldest first, and tells what changed in which minute.
    mutating func observe(_ samples: [Sample], series: String) -> [Change] {
        switch kind {
        case .counter: observeCounter(samples, series)
        case .delta:
            samples.compactMap { sample in
                guard let events = EventSide.whole(sample.value) else {
                    unusable += Staleness.isMarker(sample.value) ? 0 : 1
                    return nil
                }
                return contribute(events, at: Place(series: series, timestamp: sample.timestamp))
            }
        }
    }

    /// Sets what a place contributes, and tells the difference to what it did; nil when there is none.
    mutating func contribute(_ events: Int64, at place: Place) -> Change? {
        let before = contributions[place]
        guard before != events else { return nil }
        contributions[place] = events
        changedPlaces.insert(place)
        return Change(minute: EventSide.minute(place.timestamp), events: events - (before ?? 0))
    }

    /// A sample's value as a number of events: rounded, since sums of counts are whole.
    static func whole(_ value: Double) -> Int64? {
        guard value.isFinite, value >= 0, value < 9e15 else { return nil }
        return Int64(value.rounded())
    }

    private mutating func observeCounter(_ samples: [Sample], _ series: String) -> [Change] {
        var cursor = cursors[series]
        var changes: [Change] = []
        for sample in samples where sample.timestamp > cursor?.timestamp ?? .distantPast {
            guard let now = EventSide.whole(sample.value) else {
                unusable += Staleness.isMarker(sample.value) ? 0 : 1
                continue
            }
            // The first sight of a series is its baseline: what it counted before is not ours to judge.
            if let before = cursor.flatMap({ EventSide.whole($0.value) }) {
                let events = sample.value < (cursor?.value ?? 0) ? now : now - before
                changes.append(Change(minute: EventSide.minute(sample.timestamp), events: events))
            }
            cursor = Cursor(timestamp: sample.timestamp, value: sample.value)
        }
        if cursor != cursors[series] {
            cursors[series] = cursor
            changedCursors.insert(series)
        }
        return changes
    }

    /// Forgets contributions before `moment`, whose samples have left the rings and cannot come again, and
    /// cursors before `cursorMoment`: a series silent for longer begins anew.
    mutating func forget(before moment: Timestamp, cursorsBefore cursorMoment: Timestamp) {
        contributions = contributions.filter { $0.key.timestamp >= moment }
        cursors = cursors.filter { $0.value.timestamp >= cursorMoment }
    }

    mutating func restore(cursors: [String: Cursor], contributions: [Place: Int64]) {
        self.cursors = cursors
        self.contributions = contributions
    }

    /// Counts cursors and contributions as changed again, when writing them failed.
    mutating func owe(cursors: some Sequence<String>, contributions: some Sequence<Place>) {
        changedCursors.formUnion(cursors)
        changedPlaces.formUnion(contributions)
    }

    /// What changed since the last call.
    mutating func takeChanges() -> (cursors: [String: Cursor], contributions: [Place: Int64]) {
        defer {
            changedCursors.removeAll(keepingCapacity: true)
            changedPlaces.removeAll(keepingCapacity: true)
        }
        return (
            cursors.filter { changedCursors.contains($0.key) },
            contributions.filter { changedPlaces.contains($0.key) }
        )
    }
}
