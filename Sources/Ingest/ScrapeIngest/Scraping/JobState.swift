import Model
import Timekeeping

/// A job at work: what discovery knows, its targets, and which of them are down.
struct JobState {
    let job: ScrapeJob
    var discovery: JobDiscovery
    /// True while a task has `discovery`.
    var isRefreshing = false
    /// What the targets were last made of.
    var groups: [TargetGroup]?
    var loops: [ScrapeTarget: TargetLoop] = [:]
    /// Labels of targets that relabelling has dropped, the first of them.
    var dropped: [LabelSet] = []
    var droppedCount = 0
    /// Targets that cannot be scraped at all, and why.
    var unusable: [(labels: LabelSet, reason: String)] = []
    /// Why none of the targets is scraped; nil when they are.
    var refusal: String?
    /// What is wrong with targets, by their address.
    var down: [String: String] = [:]
    var problems: [String] = []
    /// The trouble that was logged last.
    var logged: String?

    /// What is wrong with the job, in one line; nil when nothing is.
    var failure: String? {
        if let refusal { return refusal }
        var parts: [String] = []
        if let first = down.min(by: { $0.key < $1.key }) {
            let place = loops.count == 1 ? "" : "\(down.count) of \(loops.count) targets are down; "
            parts.append("\(place)\(first.key): \(first.value)")
        }
        if let first = unusable.first {
            parts.append("\(unusable.count) targets cannot be scraped: \(first.reason)")
        }
        parts += problems.prefix(1)
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }
}
