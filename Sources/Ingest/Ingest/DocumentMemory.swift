import Synchronization

/// The documents that were taken lately, by a hash of index and id: a sender that saw no answer sends them again.
///
/// The hash is keyed anew in each process, so that no sender can make two documents collide; by chance one in
/// 10^13 does at the default size.
package final class DocumentMemory: Sendable {
    /// What is known of the ids of a request.
    package enum Sight: Hashable, Sendable {
        /// One flag an id, true where it is in already or stands twice in the request.
        ///
        /// The others wait for `finish` or `abandon`.
        case known([Bool])
        /// Some are on their way in right now with another request: come again.
        case pending
    }

    private struct State {
        /// Which request each is on its way with.
        var pending: [UInt64: Int] = [:]
        var requests = 0
        var taken: Set<UInt64> = []
        /// The order in which they were taken, a ring once it is full.
        var order: [UInt64] = []
        var oldest = 0
    }

    private let countMax: Int
    private let state = Mutex(State())

    package init(countMax: Int) {
        precondition(countMax > 0, "at least one document is remembered")
        self.countMax = countMax
    }

    /// Looks the ids up and marks the new ones as on their way.
    package func begin(_ ids: [UInt64]) -> Sight {
        state.withLock { state in
            state.requests += 1
            var known: [Bool] = []
            known.reserveCapacity(ids.count)
            for id in ids {
                if state.taken.contains(id) {
                    known.append(true)
                } else if let request = state.pending[id] {
                    guard request == state.requests else {
                        for (other, isKnown) in zip(ids, known) where !isKnown {
                            state.pending[other] = nil
                        }
                        return .pending
                    }
                    known.append(true)
                } else {
                    state.pending[id] = state.requests
                    known.append(false)
                }
            }
            return .known(known)
        }
    }

    /// The documents are in.
    package func finish(_ ids: [UInt64]) {
        state.withLock { state in
            for id in ids {
                state.pending[id] = nil
                guard state.taken.insert(id).inserted else { continue }
                if state.order.count < countMax {
                    state.order.append(id)
                } else {
                    state.taken.remove(state.order[state.oldest])
                    state.order[state.oldest] = id
                    state.oldest = (state.oldest + 1) % countMax
                }
            }
        }
    }

    /// The documents are not in and will not be.
    package func abandon(_ ids: [UInt64]) {
        state.withLock { state in
            for id in ids { state.pending[id] = nil }
        }
    }
}
