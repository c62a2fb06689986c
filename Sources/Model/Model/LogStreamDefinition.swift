/// What is done with the records of some streams before they are counted, judged and kept: one entry of
/// `log_streams` in a rule file.
package struct LogStreamDefinition: Hashable, Sendable {
    /// Whose stack traces are recognised.
    package enum TraceLanguage: String, Hashable, Sendable, CaseIterable {
        case java, python, go
    }

    /// How lines that belong together are told.
    package enum Joining: Hashable, Sendable {
        /// A line in which this RE2 expression is found begins an event; all others go on with it.
        case start(String)
        /// The lines of a stack trace are one event; any other line is one of its own.
        case traces([TraceLanguage])
    }

    package struct Multiline: Hashable, Sendable {
        package var joining: Joining
        /// An event ends when nothing has come for it so long.
        package var idle: Duration
        /// Lines of an event at most; what follows is kept as a record of its own and not counted.
        package var linesMax: Int
        /// Bytes of an event at most, likewise.
        package var bytesMax: Int

        package init(
            joining: Joining,
            idle: Duration = .seconds(2),
            linesMax: Int = 500,
            bytesMax: Int = 1 << 20
        ) {
            self.joining = joining
            self.idle = idle
            self.linesMax = linesMax
            self.bytesMax = bytesMax
        }
    }

    /// Makes fields of a text that is a JSON object, without overwriting fields of the record.
    package struct Merging: Hashable, Sendable {
        /// Stands before the members' names with a dot between; empty for none.
        package var prefix: String
        /// Keeps the text as well, at the price of its memory.
        package var keepsText: Bool

        package init(prefix: String = "", keepsText: Bool = false) {
            self.prefix = prefix
            self.keepsText = keepsText
        }
    }

    /// Field path and required value; all must be equal.
    ///
    /// Of several definitions the first that fits is used.
    package var from: [String: String]
    package var multiline: Multiline?
    package var merging: Merging?
    /// Only records that satisfy all of these are counted, judged and kept.
    package var keep: [LogMetricDefinition.Condition]
    /// Records that satisfy all conditions of one of these are not counted, judged or kept.
    package var drop: [[LogMetricDefinition.Condition]]
    package var location: SourceLocation

    package init(
        from: [String: String] = [:],
        multiline: Multiline? = nil,
        merging: Merging? = nil,
        keep: [LogMetricDefinition.Condition] = [],
        drop: [[LogMetricDefinition.Condition]] = [],
        location: SourceLocation
    ) {
        self.from = from
        self.multiline = multiline
        self.merging = merging
        self.keep = keep
        self.drop = drop
        self.location = location
    }
}
