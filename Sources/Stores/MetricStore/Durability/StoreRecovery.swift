import Buffers
package import SampleLog

/// What a start found on disk.
package struct StoreRecovery: Sendable {
    package var series = 0
    package var samples = 0
    /// Bytes of log that were replayed.
    package var logBytes = 0
    /// Bytes of snapshots that were loaded.
    package var snapshotBytes = 0
    package var seconds = 0.0
    /// Tails that were cut off, one a shard at most.
    package var cuts: [LogReading.Cut] = []
    /// Series for which the limit, now lower, left no room.
    package var seriesLeftOut = 0

    package init() {}

    package var bytesCut: Int { cuts.reduce(0) { $0 + $1.bytes } }

    mutating func merge(_ other: StoreRecovery) {
        series += other.series
        samples += other.samples
        logBytes += other.logBytes
        snapshotBytes += other.snapshotBytes
        seconds = max(seconds, other.seconds)
        cuts += other.cuts
        seriesLeftOut += other.seriesLeftOut
    }
}

/// Waits until every shard has its data back, or one cannot.
final class RecoveryBoard: Sendable {
    private struct State {
        var remaining: Int
        var recovery = StoreRecovery()
        var problem: SampleLogProblem?
    }

    private let state: Monitor<State>

    init(shards: Int) {
        state = Monitor(State(remaining: shards))
    }

    /// Something more is to be waited for.
    func expectOneMore() { state.withLock { $0.remaining += 1 } }

    /// One shard is done; `complete` runs when it was the last and all is well, before anybody is told.
    func report(_ outcome: Result<StoreRecovery, SampleLogProblem>, complete: () -> Void) {
        state.signal { state in
            state.remaining -= 1
            switch outcome {
            case .success(let recovery): state.recovery.merge(recovery)
            case .failure(let problem): state.problem = state.problem ?? problem
            }
            if state.remaining == 0, state.problem == nil { complete() }
        }
    }

    /// Nothing will come back.
    func fail(_ problem: SampleLogProblem) {
        state.signal {
            $0.remaining = 0
            $0.problem = problem
        }
    }

    /// What was found, once all of it is back.
    var recovery: StoreRecovery? {
        state.withLock { $0.remaining == 0 && $0.problem == nil ? $0.recovery : nil }
    }

    func wait() throws(SampleLogProblem) -> StoreRecovery {
        let outcome: Result<StoreRecovery, SampleLogProblem> = state.wait { state in
            guard state.remaining == 0 else { return nil }
            return state.problem.map { .failure($0) } ?? .success(state.recovery)
        }
        return try outcome.get()
    }
}
