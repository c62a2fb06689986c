/// What a bulk action asks for.
package enum BulkAction: String, Hashable, Sendable, CaseIterable {
    case index, create, update, delete
}

/// One action of a bulk request and what becomes of it.
package struct BulkItem: Hashable, Sendable {
    /// What is answered for one action.
    package enum Outcome: Hashable, Sendable {
        /// A document to be let in: its place among the batch's records.
        case document(Int)
        /// A document that is in already, by its id.
        case repeated
        /// There is nothing to keep: a deletion, or a change of what may or may not be there.
        case acknowledged
        /// It can never be taken: its place among the batch's refusals.
        case refused(Int)
    }

    package var action: BulkAction
    /// Its place among the batch's indexes.
    package var index: Int
    /// Where the id stands in the body, as JSON text between its quotes; nil when there is none.
    package var id: Range<Int>?
    package var outcome: Outcome

    package init(action: BulkAction, index: Int, id: Range<Int>?, outcome: Outcome) {
        self.action = action
        self.index = index
        self.id = id
        self.outcome = outcome
    }
}
