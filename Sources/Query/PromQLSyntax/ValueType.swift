/// What an expression evaluates to.
package enum ValueType: String, Hashable, Sendable {
    case none
    case scalar
    case string
    case vector
    case matrix

    /// The name in Prometheus's documentation and error texts.
    package var documentedName: String {
        switch self {
        case .none, .scalar, .string: rawValue
        case .vector: "instant vector"
        case .matrix: "range vector"
        }
    }
}
