/// Names a timer, to cancel it with.
package struct TimerID: Hashable, Sendable {
    var number: UInt64
}

/// One-shot timers by absolute deadline; a binary heap, cancelled entries are skipped when they surface.
struct TimerQueue {
    private struct Entry {
        var deadline: MonotonicInstant
        var id: TimerID

        /// Equal deadlines fire in the order in which they were set.
        func precedes(_ other: Entry) -> Bool {
            deadline == other.deadline
                ? id.number < other.id.number : deadline < other.deadline
        }
    }

    private var heap: [Entry] = []
    private var actions: [TimerID: () -> Void] = [:]
    private var made: UInt64 = 0

    /// Timers that are set and neither fired nor cancelled.
    var count: Int { actions.count }

    mutating func add(at deadline: MonotonicInstant, _ action: @escaping () -> Void) -> TimerID {
        made += 1
        let id = TimerID(number: made)
        actions[id] = action
        heap.append(Entry(deadline: deadline, id: id))
        rise(from: heap.count - 1)
        return id
    }

    /// True when the timer had not fired yet.
    mutating func cancel(_ id: TimerID) -> Bool {
        let found = actions.removeValue(forKey: id) != nil
        // Cancelled entries may not outnumber the live ones for long.
        if heap.count > 2 * actions.count + 64 { compact() }
        return found
    }

    /// The earliest live deadline.
    mutating func nextDeadline() -> MonotonicInstant? {
        while let first = heap.first {
            if actions[first.id] != nil { return first.deadline }
            removeFirst()
        }
        return nil
    }

    /// Takes the earliest timer whose deadline is not after `moment`.
    mutating func takeDue(at moment: MonotonicInstant) -> (() -> Void)? {
        while let first = heap.first, first.deadline <= moment {
            removeFirst()
            if let action = actions.removeValue(forKey: first.id) { return action }
        }
        return nil
    }

    private mutating func compact() {
        heap = heap.filter { actions[$0.id] != nil }.sorted { $0.precedes($1) }
    }

    private mutating func removeFirst() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        sink()
    }

    private mutating func rise(from start: Int) {
        var child = start
        while child > 0, heap[child].precedes(heap[(child - 1) / 2]) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && heap[child].precedes(heap[least]) {
                least = child
            }
            guard least != parent else { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
