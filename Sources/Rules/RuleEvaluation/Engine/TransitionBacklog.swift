package import Model

/// Transitions waiting for the receiver, in order and bounded.
///
/// When it is full, the waiting transitions of one alert are merged into their net effect, so that the receiver always
/// learns the final state of every alert; nothing else is ever dropped. Beyond its capacity it holds at most two
/// transitions an alert.
package struct TransitionBacklog: Sendable {
    /// What a merge did, for the store.
    package struct Merge: Sendable {
        /// Sequences that are no more.
        package var removed: [Int64] = []
        /// Transitions that now say something else.
        package var changed: [AlertTransition] = []

        package var isEmpty: Bool { removed.isEmpty && changed.isEmpty }
    }

    package let capacity: Int
    /// By sequence, oldest first.
    package private(set) var waiting: [AlertTransition] = []
    /// Transitions merged away so far.
    package private(set) var mergedCount = 0
    /// The first ones are with the receiver just now and are left alone.
    private var inFlight = 0

    package init(capacity: Int) {
        self.capacity = capacity
    }

    /// Adds at the end, and merges when that passes the capacity.
    package mutating func append(_ transitions: [AlertTransition]) -> Merge {
        waiting += transitions
        guard waiting.count > capacity else { return Merge() }
        return merge(Set(transitions.map(\.fingerprint)))
    }

    /// The oldest `count`, left in place until `settle`.
    package mutating func lend(_ count: Int) -> [AlertTransition] {
        inFlight = min(count, waiting.count)
        return Array(waiting.prefix(inFlight))
    }

    /// Ends a `lend`: forgets what was lent when the receiver has taken it, keeps it otherwise.
    package mutating func settle(taken: Bool) {
        if taken { waiting.removeFirst(inFlight) }
        inFlight = 0
    }

    private mutating func merge(_ fingerprints: Set<String>) -> Merge {
        var runs: [String: [AlertTransition]] = [:]
        for one in waiting.dropFirst(inFlight) where fingerprints.contains(one.fingerprint) {
            runs[one.fingerprint, default: []].append(one)
        }
        var result = Merge()
        var replacements: [Int64: AlertTransition?] = [:]
        for run in runs.values where run.count > 1 {
            let kept = TransitionBacklog.netEffect(run)
            for one in run {
                let successor = kept.first { $0.sequence == one.sequence }
                guard successor != one else { continue }
                replacements[one.sequence] = .some(successor)
                if let successor {
                    result.changed.append(successor)
                } else {
                    result.removed.append(one.sequence)
                }
            }
        }
        waiting = waiting.compactMap { one in replacements[one.sequence] ?? one }
        result.removed.sort()
        mergedCount += result.removed.count
        return result
    }

    /// The shortest run that leaves a receiver of `run` in the same state: at most two transitions.
    static func netEffect(_ run: [AlertTransition]) -> [AlertTransition] {
        guard let first = run.first, let last = run.last, run.count > 1 else { return run }
        if case .resolved = last.change {
            // An alert that came and went while nobody looked is still worth knowing.
            return first.change.isFired ? [first, last] : [last]
        }
        guard
            var level = run.last(where: { $0.change.isFired || $0.change.isLevelChanged })
        else { return [last] }
        // A run in which the alert fired is told as one firing; sight before that is of an earlier life.
        let start = run.lastIndex { $0.change.isFired }
        if start != nil, case .levelChanged(_, let new) = level.change {
            level.change = .fired(new)
        }
        let life = run[(start ?? run.startIndex)...]
        let sight = life.last { $0.change == .sighted || $0.change.isBlind }
        guard let sight, sight.change.isBlind || start == nil else { return [level] }
        return [level, sight].sorted { $0.sequence < $1.sequence }
    }
}

extension AlertTransition.Change {
    fileprivate var isFired: Bool { if case .fired = self { true } else { false } }
    fileprivate var isLevelChanged: Bool { if case .levelChanged = self { true } else { false } }
    fileprivate var isBlind: Bool { if case .blind = self { true } else { false } }
}
