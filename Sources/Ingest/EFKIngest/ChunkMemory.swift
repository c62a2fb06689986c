import Cryptography

/// A message that its sender numbered, told apart by 128 bits of a digest over its id and all of its bytes.
///
/// The bytes are in it because some senders number all their messages alike.
package struct ChunkIdentity: Hashable, Sendable {
    package var high: UInt64
    package var low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The identity of a message that holds its own chunk id.
    package init(of message: [UInt8]) {
        let digest = Digest.sha256(message)
        high = digest[..<8].reduce(0) { $0 << 8 | UInt64($1) }
        low = digest[8..<16].reduce(0) { $0 << 8 | UInt64($1) }
    }
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

    let countMax: Int
    private var pending: Set<ChunkIdentity> = []
    private var taken: Set<ChunkIdentity> = []
    /// The order in which chunks were taken, a ring once it is full.
    private var order: [ChunkIdentity] = []
    private var oldest = 0

    init(countMax: Int) {
        precondition(countMax > 0, "at least one chunk is remembered")
        self.countMax = countMax
    }

    /// Chunks that were taken, the oldest first.
    var remembered: [ChunkIdentity] { Array(order[oldest...] + order[..<oldest]) }

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
