/// Why a request to the cluster gave nothing that can be used.
package struct PullProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is to be done about it.
    package enum Kind: Hashable, Sendable {
        /// The point in time is gone; a new one goes on where this one ended.
        case pointLost
        /// The cluster asks to come later; nil: it does not say when.
        case busy(retryAfter: Duration?)
        /// Some shards did not answer: what came is not all there is.
        case partial
        /// The network or a node; another node or a later try may do.
        case unreachable
        /// The answer is longer than it may be, takes too much memory, or cannot be read: fewer documents may do.
        case unusable
        /// A person must mend it.
        case permanent
    }

    package var kind: Kind
    /// For counters: `unauthorized`, `index_missing`.
    package var cause: String
    /// What, where and how to mend it.
    package var text: String

    package init(_ kind: Kind, cause: String, _ text: String) {
        self.kind = kind
        self.cause = cause
        self.text = text
    }

    package var description: String { text }
}
