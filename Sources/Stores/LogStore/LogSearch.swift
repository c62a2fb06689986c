package import Matching
package import Model
package import Timekeeping

/// What records to look for, and in which order.
package struct LogSearch: Sendable {
    package enum Order: Hashable, Sendable {
        /// By event time, from the end of the span backward.
        case newestFirst
        /// By event time, from the start of the span forward.
        case oldestFirst
        /// In order of arrival, behind the record of this sequence.
        case arrival(after: UInt64)
        /// In order of arrival, the last one first.
        case lastArrivedFirst
    }

    /// Asks of a field's value; the field is found in whichever shape Kubernetes' metadata came.
    package struct Condition: Sendable {
        package var field: String
        package var test: FieldTest

        package init(field: String, test: FieldTest) {
            self.field = field
            self.test = test
        }
    }

    /// Records to return at most, first in `order`.
    package var limit: Int
    package var order: Order
    /// On the stream's `tag`, `namespace` and `container`; all must hold.
    package var matchers: [LabelMatcher] = []
    package var conditions: [Condition] = []
    /// Texts that some string of the record must hold; ASCII letters are compared without case.
    package var contains: [String] = []
    /// Texts that no string of the record may hold, likewise.
    package var lacks: [String] = []
    /// Patterns that must be found in some string of the record.
    package var patterns: [Pattern] = []
    /// Event time at the earliest and at the latest.
    package var from = Timestamp.distantPast
    package var to = Timestamp.distantFuture
    /// Takes the text of a record apart for conditions on fields that the record itself does not have.
    package var parse: (@Sendable (String) -> [(name: String, value: LogValue)]?)?

    package init(limit: Int, order: Order = .newestFirst) {
        self.limit = limit
        self.order = order
    }

    /// Fields that hold a record's text, the first one that is there.
    package static let textFields = ["log", "message", "msg"]
    /// Names that matchers may look at.
    package static let streamFields = ["tag", "namespace", "container"]
}

/// What a search found.
package struct LogSearchResult: Sendable {
    package struct Hit: Sendable {
        package var record: LogRecord
        package var stream: LogStream
        /// Rises with each record that arrives.
        package var sequence: UInt64
    }

    /// First to last in the search's order.
    package var hits: [Hit] = []
    /// True when there are more that satisfy the search.
    package var isLimited = false
    /// False when the time was over before all that was asked for was looked at.
    package var isComplete = true
    /// When it is not complete: how far by event time, in the search's order, everything was looked at; nil
    /// when it is not known.
    package var completeTo: Timestamp?
    /// The sequence of the newest record that there was.
    package var newestSequence: UInt64 = 0
    /// From when on the streams that were searched hold everything that arrived: later than the store's start
    /// when records have made room for newer ones.
    package var heldFrom = Timestamp.distantPast
    /// The event times that they hold; nil when they hold nothing.
    package var heldSpan: (oldest: Timestamp, newest: Timestamp)?
    /// Streams that were searched and the records in them.
    package var streams = 0
    package var records = 0
}
