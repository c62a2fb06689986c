/// A message that its sender numbered: the id as it was encoded, and a hash of the whole message.
///
/// The hash is there because some senders number all their messages alike.
package struct ChunkIdentity: Hashable, Sendable {
    package var chunk: [UInt8]
    package var messageHash: Int
    package var messageBytes: Int
}

/// The chunks that were taken lately: a sender that saw no acknowledgement sends the same one again.
struct ChunkMemory: Sendable {
    enum Sight: Hashable, Sendable {
        /// Never seen, or forgotten: take it and then tell `finish` or `abandon`.
        case fresh
        /// Taken before: acknowledge, count nothing.
        case taken
        /// On its way in right now, on another connection: do not acknowledge.
        case pending
    }

    private let countMax: Int
    private var pending: Set<ChunkIdentity> = []
    private var taken: Set<ChunkIdentity> = []
    /// The order in which chunks were taken, a ring once it is full.
    private var order: [ChunkIdentity] = []
    private var oldest = 0

    init(countMax: Int) {
        precondition(countMax > 0, "at least one chunk is remembered")
        self.countMax = countMax
    }

    mutating func begin(_ identity: ChunkIdentity) -> Sight {
        if taken.contains(identity) { return .taken }
        return pending.insert(identity).inserted ? .fresh : .pending
    }

    /// The chunk is in.
    mutating func finish(_ identity: ChunkIdentity) {
        pending.remove(identity)
        guard taken.insert(identity).inserted else { return }
        if order.count < countMax {
            order.append(identity)
        } else {
            taken.remove(order[oldest])
            order[oldest] = identity
            oldest = (oldest + 1) % countMax
        }
    }

    /// The chunk is not in and will not be.
    mutating func abandon(_ identity: ChunkIdentity) { pending.remove(identity) }
}
