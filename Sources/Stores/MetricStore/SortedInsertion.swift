/// Putting a few elements into a long list whose order is known.
enum SortedInsertion {
    /// Inserts each of `fresh` before the element that is at its place now.
    ///
    /// - Parameters:
    ///   - fresh: In order.
    ///   - list: Changed where it lies when it is not shared and few elements come.
    ///   - places: One for each of `fresh`, not falling, 0...`list.count`.
    static func insert<Element>(
        _ fresh: [Element],
        into list: inout [Element],
        at places: [Int]
    ) {
        precondition(fresh.count == places.count, "each new element has a place")
        if fresh.count <= 4 {
            for (element, place) in zip(fresh, places).reversed() {
                list.insert(element, at: place)
            }
            return
        }
        var both: [Element] = []
        both.reserveCapacity(list.count + fresh.count)
        var start = 0
        for (element, place) in zip(fresh, places) {
            both.append(contentsOf: list[start..<place])
            both.append(element)
            start = place
        }
        both.append(contentsOf: list[start...])
        list = both
    }
}
