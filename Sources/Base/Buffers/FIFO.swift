/// A queue in a ring that grows; taking and adding are O(1).
package struct FIFO<Element> {
    private var slots: [Element?] = Array(repeating: nil, count: 8)
    private var head = 0
    package private(set) var count = 0

    package init() {}

    package var isEmpty: Bool { count == 0 }

    /// Adds at the end.
    package mutating func append(_ element: Element) {
        if count == slots.count {
            var larger: [Element?] = []
            larger.reserveCapacity(count * 2)
            for index in 0..<count { larger.append(slots[(head + index) % count]) }
            larger.append(contentsOf: repeatElement(nil, count: count))
            slots = larger
            head = 0
        }
        slots[(head + count) % slots.count] = element
        count += 1
    }

    /// Takes from the front; nil when empty.
    package mutating func popFirst() -> Element? {
        guard count > 0 else { return nil }
        let element = slots[head]
        slots[head] = nil
        head = (head + 1) % slots.count
        count -= 1
        return element
    }
}
