extension ThresholdCondition {
    /// Which way values get worse.
    package enum Direction: String {
        case up, down, exact
    }

    /// Which way this condition gets worse.
    package var direction: Direction {
        switch comparison {
        case .greater, .greaterOrEqual: .up
        case .less, .lessOrEqual: .down
        case .equal, .notEqual: .exact
        }
    }

    /// True when every value that meets this condition meets `other` too, and not the other way round.
    package func isBeyond(_ other: ThresholdCondition) -> Bool {
        switch (direction, other.direction) {
        case (.up, .up):
            value > other.value
                || (value == other.value && comparison == .greater
                    && other.comparison == .greaterOrEqual)
        case (.down, .down):
            value < other.value
                || (value == other.value && comparison == .less && other.comparison == .lessOrEqual)
        case (.exact, _): comparison == .equal && other.comparison != .equal && other.holds(value)
        default: false
        }
    }

    /// True when some value meets both conditions.
    package func overlaps(_ other: ThresholdCondition) -> Bool {
        switch (direction, other.direction) {
        case (.up, .up), (.down, .down): true
        case (.up, .down), (.down, .up):
            value == other.value
                ? holds(value) && other.holds(value) : (direction == .up) == (value < other.value)
        case (.exact, _): comparison == .equal ? other.holds(value) : !other.isOnly(value)
        case (_, .exact): other.overlaps(self)
        }
    }

    /// True when this condition holds for `single` alone.
    private func isOnly(_ single: Double) -> Bool { comparison == .equal && value == single }
}
