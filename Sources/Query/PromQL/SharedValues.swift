/// What nodes are worth at one moment, for the expressions that share them; confined to one thread.
final class SharedValues {
    let writes: WriteLog
    private var values: [Int: (value: Value, stamp: Int)] = [:]

    init(_ writes: WriteLog) { self.writes = writes }

    /// The value of a node, unless what it reads was written since.
    func value(of plan: PlanNode) -> Value? {
        guard let known = values[plan.number],
            writes.isCurrent(known.stamp, plan.metricNames)
        else { return nil }
        return known.value
    }

    func knows(_ plan: PlanNode) -> Bool { value(of: plan) != nil }

    func keep(_ value: Value, of plan: PlanNode) {
        values[plan.number] = (value, writes.count)
    }
}

/// Which metrics were written since a cycle began.
final class WriteLog {
    /// Writes so far: the stamp of what is read now.
    private(set) var count = 0
    /// By metric, the number of its last write.
    private var last: [String: Int] = [:]

    func note(_ metricNames: Set<String>) {
        count += 1
        for name in metricNames { last[name] = count }
    }

    /// True when what was read at a stamp would be read again; of `nil` metrics, when nothing was written since.
    @inline(__always)
    func isCurrent(_ stamp: Int, _ metricNames: Set<String>?) -> Bool {
        stamp == count || isUntouched(since: stamp, metricNames)
    }

    private func isUntouched(since stamp: Int, _ metricNames: Set<String>?) -> Bool {
        guard let metricNames else { return false }
        return metricNames.allSatisfy { (last[$0] ?? 0) <= stamp }
    }
}
