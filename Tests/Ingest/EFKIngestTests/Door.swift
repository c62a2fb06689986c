import Dispatch
import Model
import Synchronization

/// A door that keeps what it admits, can be shut, and can be waited for.
final class Door: LogAdmitting {
    private struct State {
        var records: [LogRecord] = []
        var isShut = false
        var turnedAway = 0
        var batches = 0
    }

    private let state = Mutex(State())
    private let changed = DispatchSemaphore(value: 0)

    var records: [LogRecord] { state.withLock { $0.records } }
    var batches: Int { state.withLock { $0.batches } }
    var texts: [String] { records.map { $0["log"]?.text ?? "" } }

    var isShut: Bool {
        get { state.withLock { $0.isShut } }
        set { state.withLock { $0.isShut = newValue } }
    }

    func admit(_ records: [LogRecord], from source: String) -> AdmissionOutcome {
        let outcome = state.withLock { state -> AdmissionOutcome in
            guard !state.isShut else {
                state.turnedAway += 1
                return .overloaded(retryAfter: .milliseconds(5), reason: "shut")
            }
            state.batches += 1
            state.records += records
            var result = AppendResult()
            result.accepted = records.count
            return .admitted(result)
        }
        changed.signal()
        return outcome
    }

    /// Waits until so many records are in; false after 20 seconds.
    func waitForRecords(_ count: Int) -> Bool { wait { $0.records.count >= count } }

    /// Waits until so many tries were turned away; false after 20 seconds.
    func waitForTurnedAway(_ count: Int) -> Bool { wait { $0.turnedAway >= count } }

    private func wait(_ condition: (State) -> Bool) -> Bool {
        let limit = DispatchTime.now() + .seconds(20)
        while !state.withLock({ condition($0) }) {
            guard changed.wait(timeout: limit) == .success else { return false }
        }
        return true
    }
}
