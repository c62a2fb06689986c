import Model
import Rules
import Timekeeping

/// The event counts of one objective: exact by definition over minute-aligned windows.
///
/// The answer for a window `[start, end)` of whole minutes is the integer sum of its slots. Samples go
/// to the minute of their own timestamp, whenever they arrive, as long as the rings hold them.
struct SLOLedger: Sendable {
    /// Good, bad and total events of a window, and how much of it is known.
    struct Count: Hashable, Sendable {
        var good: Int64
        var bad: Int64
        var total: Int64
        var knownMinutes: Int
    }

    /// A series that falls silent for longer leaves the minutes between unknown.
    static let gapMax: Duration = .seconds(300)

    /// May be exchanged for one that differs in its objective, labels or words, not in what it counts.
    var definition: SLODefinition
    private var slots: MinuteSlots
    /// Bad or good events; for a percentage, the bad ones derived from it.
    private var first: EventSide
    private var total: EventSide
    private var percentages: [EventSide.Place: Double] = [:]
    private var totals: [EventSide.Place: Int64] = [:]
    /// The newest sample of each total series, for gaps.
    private var lastSeen: [String: Timestamp] = [:]
    /// The newest sample read of each series of either side.
    private var sighted: [String: Timestamp] = [:]
    private(set) var firstMinute: Int64?
    /// Samples that came too late for the ring.
    private(set) var tooLate = 0

    /// - Parameters:
    ///   - definition: The objective.
    ///   - slackMinutes: Minutes kept beyond the window, so that its older edge is always whole.
    init(definition: SLODefinition, slackMinutes: Int = 60) {
        self.definition = definition
        slots = MinuteSlots(capacity: definition.windowMinutesMax + slackMinutes)
        let kinds: (SLODefinition.CountKind, SLODefinition.CountKind)
        switch definition.indicator {
        case .badOverTotal(let bad, let total): kinds = (bad.kind, total.kind)
        case .goodOverTotal(let good, let total): kinds = (good.kind, total.kind)
        case .percentageOfTotal: kinds = (.delta, .delta)
        }
        first = EventSide(kind: kinds.0)
        total = EventSide(kind: kinds.1)
    }

    var unusableSamples: Int { first.unusable + total.unusable }
    /// The newest minute with data.
    var newestMinute: Int64? { slots.newest }

    /// Tells whether samples that were never read may lie before those that were read now.
    ///
    /// - Parameters:
    ///   - first: Series of the first side as they were read.
    ///   - total: Series of the total side.
    ///   - start: Where that read began.
    /// - Returns: True when a series was last read before that, or never.
    func mayHaveMissed(
        _ first: [SeriesSamples],
        _ total: [SeriesSamples],
        before start: Timestamp
    ) -> Bool {
        func isAhead(_ one: SeriesSamples) -> Bool {
            sighted[one.labels.description].map { $0 < start } ?? true
        }
        return first.contains(where: isAhead) || total.contains(where: isAhead)
    }

    /// Reads series of the first side (bad, good, or the percentage).
    mutating func observeFirst(_ series: [SeriesSamples]) {
        for one in series {
            sight(one)
            if case .percentageOfTotal = definition.indicator {
                let key = one.labels.withoutName.description
                for sample in one.samples where sample.value >= 0 && sample.value <= 100 {
                    let place = EventSide.Place(series: key, timestamp: sample.timestamp)
                    percentages[place] = sample.value
                    weigh(place)
                }
            } else {
                for change in first.observe(one.samples, series: one.labels.description) {
                    apply(counted: change.events, total: 0, minute: change.minute)
                }
            }
        }
    }

    /// Reads series of the total side.
    mutating func observeTotal(_ series: [SeriesSamples]) {
        for one in series {
            sight(one)
            if case .percentageOfTotal = definition.indicator {
                let key = one.labels.withoutName.description
                for sample in one.samples {
                    guard let events = EventSide.whole(sample.value) else { continue }
                    let place = EventSide.Place(series: key, timestamp: sample.timestamp)
                    totals[place] = events
                    weigh(place)
                }
            } else {
                let key = one.labels.description
                for change in total.observe(one.samples, series: key) {
                    apply(counted: 0, total: change.events, minute: change.minute)
                }
                markKnown(one.samples, series: key)
            }
        }
    }

    private mutating func sight(_ series: SeriesSamples) {
        guard let newest = series.samples.last?.timestamp else { return }
        let key = series.labels.description
        sighted[key] = max(sighted[key] ?? newest, newest)
    }

    /// Counts a place once both its percentage and its total are known.
    private mutating func weigh(_ place: EventSide.Place) {
        guard let percentage = percentages[place], let events = totals[place] else { return }
        let bad = Int64((Double(events) * (100 - percentage) / 100).rounded())
        let minute = EventSide.minute(place.timestamp)
        if let change = total.contribute(events, at: place) {
            apply(counted: 0, total: change.events, minute: minute)
        }
        if let change = first.contribute(bad, at: place) {
            apply(counted: change.events, total: 0, minute: minute)
        }
        markKnown([Sample(place.timestamp, 0)], series: place.series)
    }

    private mutating func apply(counted: Int64, total: Int64, minute: Int64) {
        if !slots.add(counted: counted, total: total, minute: minute) { tooLate += 1 }
    }

    /// A minute is known when a total series reported in it, or before and after it without a gap.
    private mutating func markKnown(_ samples: [Sample], series: String) {
        for sample in samples where sample.value.isFinite {
            let minute = EventSide.minute(sample.timestamp)
            let previous = lastSeen[series]
            var from = minute
            if let previous, previous < sample.timestamp,
                sample.timestamp - previous <= SLOLedger.gapMax
            {
                from = min(minute, EventSide.minute(previous) + 1)
            }
            slots.markKnown(from...minute)
            firstMinute = min(firstMinute ?? minute, minute)
            lastSeen[series] = max(previous ?? sample.timestamp, sample.timestamp)
        }
    }

    /// Events of the minutes `[from, to)`.
    func count(_ minutes: Range<Int64>) -> Count {
        let sum = slots.sum(minutes)
        switch definition.indicator {
        case .badOverTotal, .percentageOfTotal:
            // A bad event whose total has not arrived yet still happened.
            let total = max(sum.total, sum.counted)
            return Count(
                good: total - sum.counted,
                bad: sum.counted,
                total: total,
                knownMinutes: sum.known
            )
        case .goodOverTotal:
            let total = max(sum.total, sum.counted)
            return Count(
                good: sum.counted,
                bad: total - sum.counted,
                total: total,
                knownMinutes: sum.known
            )
        }
    }

    /// Puts back what was kept on disk.
    mutating func restore(_ record: LedgerRecord) {
        for slot in record.slots.sorted(by: { $0.minute < $1.minute }) {
            slots.restore(
                MinuteSlots.Slot(
                    counted: slot.counted,
                    total: slot.total,
                    isKnown: slot.isKnown
                ),
                minute: slot.minute
            )
        }
        firstMinute = record.firstMinute
        func side(_ number: Int, _ side: inout EventSide) {
            side.restore(
                cursors: Dictionary(
                    record.cursors.filter { $0.side == number }.map {
                        ($0.series, EventSide.Cursor(timestamp: $0.timestamp, value: $0.value))
                    }
                ) { $1 },
                contributions: Dictionary(
                    record.contributions.filter { $0.side == number }.map {
                        (EventSide.Place(series: $0.series, timestamp: $0.timestamp), $0.events)
                    }
                ) { $1 }
            )
        }
        side(0, &first)
        side(1, &total)
        for cursor in record.cursors where cursor.side == 1 {
            lastSeen[cursor.series] = cursor.timestamp
        }
        for one in record.contributions where one.side == 1 {
            lastSeen[one.series] = max(lastSeen[one.series] ?? one.timestamp, one.timestamp)
        }
    }

    /// Rows that changed since the last call.
    mutating func takeChanges() -> LedgerRecord {
        var record = LedgerRecord()
        record.firstMinute = firstMinute
        record.slots = slots.takeChanged().map { minute, slot in
            LedgerRecord.Slot(
                minute: minute,
                counted: slot.counted,
                total: slot.total,
                isKnown: slot.isKnown
            )
        }
        for (number, changes) in [(0, first.takeChanges()), (1, total.takeChanges())] {
            record.cursors += changes.cursors.map {
                LedgerRecord.Cursor(
                    side: number,
                    series: $0.key,
                    timestamp: $0.value.timestamp,
                    value: $0.value.value
                )
            }
            record.contributions += changes.contributions.map {
                LedgerRecord.Contribution(
                    side: number,
                    series: $0.key.series,
                    timestamp: $0.key.timestamp,
                    events: $0.value
                )
            }
        }
        return record
    }

    /// Takes changes back that could not be written, so that they are written next time.
    mutating func owe(_ record: LedgerRecord) {
        slots.owe(record.slots.map(\.minute))
        func side(_ number: Int, _ side: inout EventSide) {
            side.owe(
                cursors: record.cursors.filter { $0.side == number }.map(\.series),
                contributions: record.contributions.filter { $0.side == number }.map {
                    EventSide.Place(series: $0.series, timestamp: $0.timestamp)
                }
            )
        }
        side(0, &first)
        side(1, &total)
    }

    /// Drops what was remembered of samples that have left the rings.
    mutating func forget(before moment: Timestamp) {
        let silent = moment - .seconds(60 * definition.windowMinutesMax)
        first.forget(before: moment, cursorsBefore: silent)
        total.forget(before: moment, cursorsBefore: silent)
        percentages = percentages.filter { $0.key.timestamp >= moment }
        totals = totals.filter { $0.key.timestamp >= moment }
        lastSeen = lastSeen.filter { $0.value >= moment }
        sighted = sighted.filter { $0.value >= moment }
    }
}

extension SLODefinition {
    /// The share of events that may be bad, free of binary dust: 0.001 for 99.9 %.
    package var budgetRatio: Double { ((1 - objective) * 1e12).rounded() / 1e12 }

    /// Minutes of the window at its longest.
    var windowMinutesMax: Int {
        switch window {
        case .rolling(let span): Int(span.milliseconds / 60000)
        case .calendarMonth: 31 * 24 * 60 + 120
        }
    }
}
