import Model

/// Columns that an evaluation will need, each once.
struct WantedColumns {
    private(set) var keys: [Leaf.Key] = []
    private(set) var requests: [ColumnRequest] = []
    private var seen: Set<Leaf.Key> = []

    mutating func add(_ key: Leaf.Key, _ request: ColumnRequest) {
        guard seen.insert(key).inserted else { return }
        keys.append(key)
        requests.append(request)
    }
}
