package import Model

/// A bulk request taken apart.
package struct BulkBatch: Sendable {
    /// Why a document can never be taken, in Elasticsearch's words.
    package struct Refusal: Hashable, Sendable {
        package var type: String
        package var reason: String
    }

    /// In the order of the request.
    package var items: [BulkItem] = []
    /// Documents as log records, in order.
    package var records: [LogRecord] = []
    /// For each record the hash of its index and id; nil when it has none of its sender's.
    package var ids: [UInt64?] = []
    package var indexes: [IndexName] = []
    package var refusals: [Refusal] = []
    /// Documents whose `@timestamp` is no time; they bear the time of their arrival.
    package var unreadableTimes = 0

    package init() {}
}

/// Why a whole bulk request is turned away, for good.
package enum BulkProblem: Error, Hashable, Sendable {
    /// In Elasticsearch's words.
    case malformed(type: String, reason: String)
    /// Over a limit; says which and how to mend it.
    case tooLarge(String)
}

extension BulkBatch {
    /// Takes out the records whose ids are known, one flag an id in their order, and marks their items.
    mutating func leaveOut(_ known: [Bool]) {
        var flags = known[...]
        let isKnown = ids.map { $0 != nil && flags.removeFirst() }
        for place in items.indices {
            guard case .document(let record) = items[place].outcome, isKnown[record] else {
                continue
            }
            items[place].outcome = .repeated
        }
        // Items go on naming the places that records had; only what is behind `document` matters from here on.
        records = zip(records, isKnown).compactMap { $1 ? nil : $0 }
        ids = zip(ids, isKnown).compactMap { $1 ? nil : $0 }
    }
}
