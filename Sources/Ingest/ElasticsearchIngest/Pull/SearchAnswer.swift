package import Model
package import Timekeeping

/// One document of an answer.
package struct SearchHit: Sendable {
    package var index: String
    package var id: String
    /// A hash of index and id, the same in every process.
    package var key: Int64
    /// What it is sorted by, of the time field.
    package var at: Timestamp
    /// As JSON, to go on behind it.
    package var sort: String
    /// Nil when documents were not asked for.
    package var record: LogRecord?

    package init(
        index: String,
        id: String,
        key: Int64,
        at: Timestamp,
        sort: String,
        record: LogRecord? = nil
    ) {
        self.index = index
        self.id = id
        self.key = key
        self.at = at
        self.sort = sort
        self.record = record
    }
}

/// A whole answer to a search; partial ones are a `PullProblem`.
package struct SearchAnswer: Sendable {
    /// The point in time to use from now on; nil: as before.
    package var point: String?
    /// In the order of the sort.
    package var hits: [SearchHit] = []
    /// Shards that were asked; none when no index fits.
    package var shards: Int?
    /// Documents whose own time field is no time.
    package var unreadableTimes = 0

    package init(point: String? = nil, hits: [SearchHit] = [], shards: Int? = nil) {
        self.point = point
        self.hits = hits
        self.shards = shards
    }
}

/// What is to be asked of the point in time.
package struct SearchRequest: Hashable, Sendable {
    /// Times from this one on.
    package var from: Timestamp
    /// And before this one.
    package var before: Timestamp
    /// Behind this hit's sort values, JSON.
    package var after: String?
    /// These alone; nil: all.
    package var ids: [String]?
    /// Whether documents come along.
    package var withDocuments: Bool
    package var size: Int

    package init(
        from: Timestamp,
        before: Timestamp,
        after: String? = nil,
        ids: [String]? = nil,
        withDocuments: Bool,
        size: Int
    ) {
        self.from = from
        self.before = before
        self.after = after
        self.ids = ids
        self.withDocuments = withDocuments
        self.size = size
    }
}
