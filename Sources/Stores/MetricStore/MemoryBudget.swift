import Synchronization

/// What all shards together hold, against the limits; the one thing that shards share.
final class MemoryBudget: Sendable {
    let maxBytes: Int
    let maxSeries: Int
    /// Of `maxSeries`, those that only the service's own series may take.
    let reservedSeries: Int
    private let bytesHeld = Atomic<Int>(0)
    private let bytesPromised = Atomic<Int>(0)
    private let seriesHeld = Atomic<Int>(0)

    init(maxBytes: Int, maxSeries: Int, reservedSeries: Int = 0) {
        self.reservedSeries = reservedSeries
        self.maxBytes = maxBytes
        self.maxSeries = maxSeries
    }

    var bytes: Int { bytesHeld.load(ordering: .relaxed) }
    var series: Int { seriesHeld.load(ordering: .relaxed) }
    var hasRoom: Bool { bytes < maxBytes }
    /// New series stop an eighth before the limit, counting what known ones will need for full-grown rings.
    var hasRoomForSeries: Bool {
        bytes + bytesPromised.load(ordering: .relaxed) < maxBytes - maxBytes / 8
    }

    /// Accounts for memory that was taken (or, negative, given back).
    func add(bytes: Int) { bytesHeld.wrappingAdd(bytes, ordering: .relaxed) }

    /// Accounts for memory that will be taken as rings grow (or, negative, was taken or is not needed).
    func promise(bytes: Int) { bytesPromised.wrappingAdd(bytes, ordering: .relaxed) }

    /// Takes a place for one more series; false when the limit is reached.
    ///
    /// Essential series may take from the reserve too.
    func takeSeries(isEssential: Bool) -> Bool {
        let count = seriesHeld.wrappingAdd(1, ordering: .relaxed).newValue
        guard count > (isEssential ? maxSeries : maxSeries - reservedSeries) else { return true }
        seriesHeld.wrappingSubtract(1, ordering: .relaxed)
        return false
    }

    /// Counts series that were held before a restart, over the limit too.
    func holdSeries(_ count: Int) { seriesHeld.wrappingAdd(count, ordering: .relaxed) }

    func giveSeries(_ count: Int) { seriesHeld.wrappingSubtract(count, ordering: .relaxed) }
}
