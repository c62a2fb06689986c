import Model

/// The value that stands for "no sample here" in a column of results.
///
/// It is the staleness marker: selectors drop it, and no arithmetic can make it, because hardware quiets
/// signalling NaNs. It is told by its bits and must never be computed with.
enum Absent {
    @inline(__always) static var value: Double { Double(bitPattern: Staleness.bits) }
}

extension Double {
    @inline(__always) var isAbsent: Bool { bitPattern == Staleness.bits }
    @inline(__always) var isPresent: Bool { bitPattern != Staleness.bits }
}
