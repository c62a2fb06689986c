import Timekeeping

/// What is to be done when, the earliest first: a binary heap.
struct DueQueue<Work> {
    private var heap: [(at: Timestamp, work: Work)] = []

    var isEmpty: Bool { heap.isEmpty }

    /// When the earliest is due.
    var next: Timestamp? { heap.first?.at }

    mutating func add(_ work: Work, at time: Timestamp) {
        heap.append((time, work))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].at < heap[parent].at else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes the earliest when it is due.
    mutating func pop(dueAt now: Timestamp) -> (at: Timestamp, work: Work)? {
        guard let first = heap.first, first.at <= now else { return nil }
        let last = heap.removeLast()
        guard !heap.isEmpty else { return first }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && heap[child].at < heap[least].at { least = child }
            guard least != parent else { return first }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
