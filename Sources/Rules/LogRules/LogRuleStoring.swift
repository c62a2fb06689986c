package import Model

/// Everything about log rules that was saved.
package struct StoredLogRules: Sendable {
    /// What each rule remembers, as text, by the rule's name.
    package var rules: [String: String]
    /// Transitions that the incidents have not yet taken over, by `sequence`.
    package var queue: [AlertTransition]
    /// The highest `sequence` ever given; 0 for a new store.
    package var lastSequence: Int64

    package init(
        rules: [String: String] = [:],
        queue: [AlertTransition] = [],
        lastSequence: Int64 = 0
    ) {
        self.rules = rules
        self.queue = queue
        self.lastSequence = lastSequence
    }
}

/// What to write, in one transaction.
package struct LogRuleChanges: Sendable {
    /// Replace what is saved under their names; nil: the rule is gone.
    package var rules: [String: String?] = [:]
    package var queued: [AlertTransition] = []
    /// Sequences that the incidents have taken over.
    package var taken: [Int64] = []
    package var lastSequence: Int64?

    package init() {}

    package var isEmpty: Bool {
        rules.isEmpty && queued.isEmpty && taken.isEmpty && lastSequence == nil
    }
}

/// Keeps what log rules remember over restarts.
package protocol LogRuleStoring: Sendable {
    /// Everything saved so far.
    func loadLogRules() throws -> StoredLogRules

    /// Writes all of `changes` or nothing; on disk when it returns. Never called by two threads at once.
    func saveLogRules(_ changes: LogRuleChanges) throws
}

/// Takes the alerts of log rules over.
package protocol LogRuleSink: Sendable {
    /// Returns when the transitions are safe with the receiver; after a crash they may come twice.
    func take(_ transitions: [AlertTransition]) async throws
}
