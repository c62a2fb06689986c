/// `GET /v1/logs`, apart from the records, which are written by hand as they have fields of any shape.
package struct LogAnswerDocument: Codable, Hashable, Sendable {
    /// What the rings hold of the streams that were searched.
    package struct Held: Codable, Hashable, Sendable {
        /// Everything that arrived since is there; before, nothing or not all.
        package var since: String
        /// The event times that are there; null when nothing is.
        @Null package var oldest: String?
        @Null package var newest: String?
        package var records: Int
        package var streams: Int

        package init(since: String, oldest: String?, newest: String?, records: Int, streams: Int) {
            self.since = since
            self.oldest = oldest
            self.newest = newest
            self.records = records
            self.streams = streams
        }
    }

    /// `backward`, `forward` or, with `after`, `arrival`.
    package var order: String
    /// False when the time or the size of an answer was over first; `notes` says how far it goes.
    package var complete: Bool
    /// True when more records than `limit` satisfy the search.
    package var more: Bool
    package var held: Held
    /// For `after`: what arrives from now on, or what follows when there is more.
    package var cursor: String
    /// What a person should know about the answer.
    package var notes: [String]

    package init(
        order: String,
        complete: Bool,
        more: Bool,
        held: Held,
        cursor: String,
        notes: [String]
    ) {
        self.order = order
        self.complete = complete
        self.more = more
        self.held = held
        self.cursor = cursor
        self.notes = notes
    }
}
