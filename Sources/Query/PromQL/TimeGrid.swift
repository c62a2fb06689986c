/// The moments an expression is evaluated at: milliseconds since 1970, evenly spaced.
struct TimeGrid: Equatable {
    var start: Int64
    /// Milliseconds, positive.
    var step: Int64
    /// At least 1, except for a subquery whose window holds no step.
    var count: Int

    /// One moment.
    init(at moment: Int64) {
        start = moment
        step = 1
        count = 1
    }

    /// From `start` to `end` inclusive.
    init(from start: Int64, through end: Int64, step: Int64) {
        self.start = start
        self.step = step
        count = end < start ? 0 : Int((end - start) / step) + 1
    }

    var end: Int64 { start + Int64(max(count - 1, 0)) * step }

    func time(_ index: Int) -> Int64 { start + Int64(index) * step }
}
