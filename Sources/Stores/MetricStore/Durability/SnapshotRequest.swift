import Buffers
import SampleLog

/// Somebody waits for snapshots of all shards.
final class SnapshotRequest: Sendable {
    private struct State {
        var remaining: Int
        var problem: FileProblem?
    }

    private let state: Monitor<State>

    init(shards: Int) {
        state = Monitor(State(remaining: shards))
    }

    /// One shard's snapshot is on disk, or could not be made.
    func finish(_ problem: FileProblem?) {
        state.signal {
            $0.remaining -= 1
            $0.problem = $0.problem ?? problem
        }
    }

    /// Blocks until every shard's is on disk.
    func wait() throws(FileProblem) {
        let problem: FileProblem?? = state.wait { $0.remaining == 0 ? .some($0.problem) : nil }
        if let problem = problem ?? nil { throw problem }
    }
}
