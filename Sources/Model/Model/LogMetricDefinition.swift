/// A metric counted from log records at ingest: one entry of `log_metrics` in a rule file.
package struct LogMetricDefinition: Hashable, Sendable {
    /// How the record's text is turned into fields.
    package enum Parser: Hashable, Sendable {
        /// The record's fields as they are.
        case none
        case json
        case logfmt
        /// Apache and nginx combined (and common) access log.
        case combined
        /// Named groups of an RE2 expression become fields.
        case regex(String)
    }

    package enum Kind: Hashable, Sendable {
        /// Counts matching records, or adds up `value` when there is one.
        case counter(value: String?)
        /// Observes the numeric field `value` into buckets with these upper bounds.
        case histogram(value: String, bounds: [Double])
        /// Keeps the newest numeric `value`.
        case gauge(value: String)
    }

    package enum Comparison: String, Hashable, Sendable, CaseIterable {
        case equal = "=="
        case notEqual = "!="
        case greaterOrEqual = ">="
        case lessOrEqual = "<="
        case greater = ">"
        case less = "<"
        case matches = "=~"
        case doesNotMatch = "!~"
    }

    /// One condition of `where`; all must hold.
    ///
    /// Numbers compare as numbers when both sides are.
    package struct Condition: Hashable, Sendable {
        package var field: String
        package var comparison: Comparison
        package var value: String

        package init(field: String, comparison: Comparison, value: String) {
            self.field = field
            self.comparison = comparison
            self.value = value
        }
    }

    /// What becomes of a field's value on its way into a label.
    package enum Mapping: Hashable, Sendable {
        case none
        /// `503` becomes `5xx`; what is no three-digit number stays.
        case statusClass
        /// A path becomes the first pattern that fits (`/orders/{id}`, `/static/*`), else `other`; without
        /// patterns, segments that look like ids become `{id}`.
        case route(patterns: [String], other: String)
        /// Values by name, or by an RE2 expression between slashes that the whole value matches; others become
        /// `other`, or stay when it is nil.
        case table([Entry], other: String?)
        /// `field` is a text with `{{ name }}` for each field in it.
        case template

        /// One line of a table.
        package struct Entry: Hashable, Sendable {
            package var value: String
            package var label: String

            package init(value: String, label: String) {
                self.value = value
                self.label = label
            }
        }
    }

    /// A label of the metric and the field it is taken from.
    package struct LabelSource: Hashable, Sendable {
        package var label: String
        package var field: String
        package var mapping: Mapping

        package init(label: String, field: String, mapping: Mapping = .none) {
            self.label = label
            self.field = field
            self.mapping = mapping
        }
    }

    package var name: String
    /// Field path and required value; all must be equal.
    package var from: [String: String]
    package var parser: Parser
    /// The field that holds the text to parse: `log`, `message` or `msg`, whichever comes first, when nil.
    package var parseField: String?
    package var conditions: [Condition]
    package var labels: [LabelSource]
    package var kind: Kind
    /// What the numbers under `value` count; nil: they are taken as they are.
    package var unit: LogValueUnit?
    /// Series of this metric before new label values fold into `other`.
    package var seriesMax: Int
    /// True: samples bear the event's time; false: the arrival's.
    package var usesEventTime: Bool
    package var location: SourceLocation

    package init(
        name: String,
        from: [String: String] = [:],
        parser: Parser = .none,
        parseField: String? = nil,
        conditions: [Condition] = [],
        labels: [LabelSource] = [],
        kind: Kind = .counter(value: nil),
        unit: LogValueUnit? = nil,
        seriesMax: Int = 1000,
        usesEventTime: Bool = false,
        location: SourceLocation
    ) {
        self.name = name
        self.from = from
        self.parser = parser
        self.parseField = parseField
        self.conditions = conditions
        self.labels = labels
        self.kind = kind
        self.unit = unit
        self.seriesMax = seriesMax
        self.usesEventTime = usesEventTime
        self.location = location
    }
}
