package import Model
package import Timekeeping

/// Everything about one objective that must outlive the process.
package struct LedgerRecord: Hashable, Sendable {
    package struct Slot: Hashable, Sendable {
        /// Whole minutes since 1970.
        package var minute: Int64
        /// Events of the first side: bad, or good, as the indicator says.
        package var counted: Int64
        package var total: Int64
        package var isKnown: Bool

        package init(minute: Int64, counted: Int64, total: Int64, isKnown: Bool) {
            self.minute = minute
            self.counted = counted
            self.total = total
            self.isKnown = isKnown
        }
    }

    /// A counter series' last sample that was counted.
    package struct Cursor: Hashable, Sendable {
        /// 0: the first side; 1: total.
        package var side: Int
        package var series: String
        package var timestamp: Timestamp
        package var value: Double

        package init(side: Int, series: String, timestamp: Timestamp, value: Double) {
            self.side = side
            self.series = series
            self.timestamp = timestamp
            self.value = value
        }
    }

    /// What one sample of a delta series has contributed.
    package struct Contribution: Hashable, Sendable {
        /// 0: the first side; 1: total.
        package var side: Int
        package var series: String
        package var timestamp: Timestamp
        package var events: Int64

        package init(side: Int, series: String, timestamp: Timestamp, events: Int64) {
            self.side = side
            self.series = series
            self.timestamp = timestamp
            self.events = events
        }
    }

    package var slots: [Slot] = []
    package var cursors: [Cursor] = []
    package var contributions: [Contribution] = []
    /// The minute of the first event data ever; nil before any.
    package var firstMinute: Int64?
    /// The burn alert; nil when it never fired.
    package var burnAlert: BurnAlertRecord?

    package init() {}

    package var isEmpty: Bool {
        slots.isEmpty && cursors.isEmpty && contributions.isEmpty
    }
}

/// Keeps ledgers on disk; implemented by the state store.
package protocol BudgetStoring: Sendable {
    /// All that is kept for a ledger; slots and contributions older than given are left out.
    func loadLedger(
        key: String,
        slotsFrom minute: Int64,
        contributionsFrom: Timestamp
    ) throws -> LedgerRecord

    /// Writes changed rows in one transaction: each replaces the row of its place.
    func saveLedger(key: String, changes: LedgerRecord) throws

    /// Removes slots and contributions older than given.
    func pruneLedger(key: String, slotsBefore minute: Int64, contributionsBefore: Timestamp) throws
}

/// A burn alert as it is kept: its state and the last transition it gave.
///
/// The last transition is given again after a start, in case the process died before it was acted on;
/// its sequence number makes the repetition harmless.
package struct BurnAlertRecord: Hashable, Sendable, Codable {
    package var state: BurnAlertState
    /// True while the alert fires and its data has stopped.
    package var isBlind: Bool
    package var lastTransition: AlertTransition?

    package init(
        state: BurnAlertState = .quiet,
        isBlind: Bool = false,
        lastTransition: AlertTransition? = nil
    ) {
        self.state = state
        self.isBlind = isBlind
        self.lastTransition = lastTransition
    }
}
