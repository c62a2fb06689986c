/// `left OPERATION right`.
package struct BinaryExpression: Hashable, Sendable {
    package var operation: BinaryOperation
    package var left: Expression
    package var right: Expression
    /// How the series of two vectors pair up; nil when an operand is a scalar.
    package var matching: VectorMatching?
    /// True when a comparison answers 0 or 1 instead of filtering.
    package var returnsBool: Bool
    /// Where the operator stands.
    package var operationSpan: SourceSpan

    package var span: SourceSpan { left.span.extended(through: right.span) }

    package init(
        operation: BinaryOperation,
        left: Expression,
        right: Expression,
        matching: VectorMatching?,
        returnsBool: Bool = false,
        operationSpan: SourceSpan
    ) {
        self.operation = operation
        self.left = left
        self.right = right
        self.matching = matching
        self.returnsBool = returnsBool
        self.operationSpan = operationSpan
    }
}

/// How the series of two vectors pair up.
package struct VectorMatching: Hashable, Sendable {
    package enum Cardinality: String, Hashable, Sendable {
        case oneToOne = "one-to-one"
        /// `group_left`
        case manyToOne = "many-to-one"
        /// `group_right`
        case oneToMany = "one-to-many"
        /// Of `and`, `or` and `unless`.
        case manyToMany = "many-to-many"
    }

    package var cardinality: Cardinality
    /// The labels of `on` or `ignoring`, as written.
    package var labels: [String]
    /// True for `on (labels)`, false for `ignoring (labels)` or neither.
    package var isOn: Bool
    /// The labels of `group_left` or `group_right`: taken from the "one" side.
    package var include: [String]
    /// What a missing series on the left stands for.
    package var fillLeft: Double?
    /// What a missing series on the right stands for.
    package var fillRight: Double?

    package init(
        cardinality: Cardinality = .oneToOne,
        labels: [String] = [],
        isOn: Bool = false,
        include: [String] = [],
        fillLeft: Double? = nil,
        fillRight: Double? = nil
    ) {
        self.cardinality = cardinality
        self.labels = labels
        self.isOn = isOn
        self.include = include
        self.fillLeft = fillLeft
        self.fillRight = fillRight
    }

    package static func == (left: VectorMatching, right: VectorMatching) -> Bool {
        left.cardinality == right.cardinality && left.isOn == right.isOn
            && left.labels.hasSameBytes(as: right.labels)
            && left.include.hasSameBytes(as: right.include)
            && left.fillLeft?.bitPattern == right.fillLeft?.bitPattern
            && left.fillRight?.bitPattern == right.fillRight?.bitPattern
    }

    /// True when something is said that makes sense between two vectors only.
    var mustPairSeries: Bool { !labels.isEmpty || fillLeft != nil || fillRight != nil }
}
