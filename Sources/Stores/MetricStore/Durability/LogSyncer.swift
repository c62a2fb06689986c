import Buffers
import SampleLog
import Telemetry
import Timekeeping

/// Syncs the logs of all shards once in a commit interval, on a thread of its own.
final class LogSyncer: Sendable {
    private let standings: [ShardStanding]
    private let interval: Duration
    private let counters: DurabilityCounters
    private let log: Log
    private let isStopping = Monitor(false)

    init(
        _ standings: [ShardStanding],
        interval: Duration,
        counters: DurabilityCounters,
        log: Log
    ) {
        self.standings = standings
        self.interval = interval
        self.counters = counters
        self.log = log
    }

    /// The thread's life; syncs once more at its end.
    func run() {
        let (seconds, attoseconds) = interval.components
        let milliseconds = max(1, Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000))
        var told: FileProblem?
        while isStopping.wait(milliseconds: milliseconds, { $0 ? true : nil }) == nil {
            synchronize(&told)
        }
        synchronize(&told)
    }

    func stop() { isStopping.signal { $0 = true } }

    /// Syncs every shard's log; a problem that goes on is counted each time and told once.
    private func synchronize(_ told: inout FileProblem?) {
        var problem: FileProblem?
        for standing in standings {
            guard let sync = standing.sync else { continue }
            let began = MonotonicTime.nanoseconds()
            do throws(FileProblem) {
                guard try sync.synchronize() else { continue }
                counters.syncSeconds.observe(Double(MonotonicTime.nanoseconds() - began) / 1e9)
            } catch {
                counters.count(error)
                problem = error
            }
        }
        if let problem, problem != told {
            log.error(
                "the sample log could not be synced; senders are told to come again",
                ["reason": "\(problem)"]
            )
        }
        told = problem
    }
}
