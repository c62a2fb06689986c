import Matching
import Model

/// One condition of `where`: which field, and what is asked of it.
struct LogMetricCondition: Sendable {
    let path: FieldPath
    private let test: FieldTest

    init(_ condition: LogMetricDefinition.Condition) throws(PatternError) {
        path = FieldPath(condition.field)
        test = try FieldTest(condition)
    }

    func holds(_ value: LogValue?) -> Bool { test.holds(value) }
}
