/// The operators that fold many series into few.
package enum AggregationOperation: String, Hashable, Sendable, CaseIterable {
    case sum, avg, count, min, max, group, stddev, stdvar, topk, bottomk, quantile, limitk
    case countValues = "count_values"
    case limitRatio = "limit_ratio"

    /// True when the operator takes a parameter before the vector.
    package var takesParameter: Bool {
        switch self {
        case .topk, .bottomk, .quantile, .limitk, .countValues, .limitRatio: true
        case .sum, .avg, .count, .min, .max, .group, .stddev, .stdvar: false
        }
    }
}
