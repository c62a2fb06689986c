/// What one record is to one rule.
struct RuleEvent {
    /// Milliseconds since 1970.
    var at: Int64
    var key: String
    /// Values of the kind's fields, in their order; nil where a field is missing or null.
    var values: [String?]
    /// The number of the kind's field.
    var number: Double?
    /// True when the record is in the share that `percentage_match` is about.
    var isCounted = false
}
