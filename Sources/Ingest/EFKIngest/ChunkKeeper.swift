import Synchronization
import Telemetry

/// The memory of taken chunks and, where there is one, its file; both behind one lock.
final class ChunkKeeper: Sendable {
    private struct State: ~Copyable {
        var memory: ChunkMemory
        var file: ChunkLog?
        var isFailing = false
    }

    private let state: Mutex<State>
    private let failures: Counter
    private let log: Log

    /// Reads what is remembered from before.
    init(settings: ForwardSettings, metrics: MetricsRegistry, log: Log) {
        failures = metrics.counter(
            "tocsin_forward_chunk_log_failures",
            help: "Writes of taken chunks to disk that failed."
        )
        self.log = log
        let count = settings.chunksRemembered
        var memory = ChunkMemory(countMax: count)
        guard let path = settings.chunkLogPath else {
            state = Mutex(State(memory: memory, file: nil))
            return
        }
        let file = ChunkLog(path: path, countMax: count)
        for identity in file.remembered() { memory.finish(identity) }
        // The first chunk writes the file anew, of this boot and without what is too old.
        state = Mutex(State(memory: memory, file: file))
    }

    func begin(_ identity: ChunkIdentity) -> ChunkMemory.Sight {
        state.withLock { $0.memory.begin(identity) }
    }

    /// The chunks are in; from here on they are known, also after a killed process starts again.
    func finish(_ identities: [ChunkIdentity]) {
        guard !identities.isEmpty else { return }
        let problem = state.withLock { state -> String? in
            for identity in identities { state.memory.finish(identity) }
            guard state.file != nil else { return nil }
            do throws(ChunkLog.Failure) {
                let memory = state.memory
                try state.file?.append(identities) { memory.remembered }
                state.isFailing = false
                return nil
            } catch {
                failures.add()
                defer { state.isFailing = true }
                return state.isFailing ? nil : "\(error)"
            }
        }
        // Once for each time that it begins to fail.
        if let problem { log.error(problem) }
    }

    /// The chunks are not in and will not be.
    func abandon(_ identities: [ChunkIdentity]) {
        state.withLock { state in
            for identity in identities { state.memory.abandon(identity) }
        }
    }
}
