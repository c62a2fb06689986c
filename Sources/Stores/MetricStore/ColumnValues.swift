import Model

/// One shard's part of a column: the series of its plan, so many values each.
@safe
final class ColumnValues: @unchecked Sendable {
    // Sendable: the shard's thread writes until it hands its part over; whoever asked reads after that.
    let base: UnsafeMutablePointer<Double>
    let count: Int

    /// Values that are all absent.
    init(count: Int) {
        self.count = count
        unsafe base = .allocate(capacity: count)
        unsafe base.initialize(repeating: Staleness.marker, count: count)
    }

    deinit { unsafe base.deallocate() }
}
