import TestSupport
import Testing
import Timekeeping

@testable import Incidents

@Suite struct WakeSignalTests {
    /// Sleeps until its task is cancelled.
    struct Endless: Sleeper {
        func sleep(for duration: Duration) async throws {
            try await Task.sleep(for: .seconds(3600))
        }
    }

    @Test func aSignalBeforeTheWaitCounts() async {
        let signal = WakeSignal()
        signal.signal()
        await signal.wait(timeout: .seconds(60), sleeper: Endless())
    }

    @Test func aSignalDuringTheWaitEndsIt() async {
        let signal = WakeSignal()
        let waiting = Task { await signal.wait(timeout: nil, sleeper: Endless()) }
        await Task.yield()
        signal.signal()
        await waiting.value
    }

    @Test func theTimeoutEndsTheWait() async {
        let signal = WakeSignal()
        await signal.wait(timeout: .seconds(1), sleeper: SteppingSleeper(clock: ManualClock()))
    }

    @Test func cancellationEndsTheWait() async {
        let signal = WakeSignal()
        let waiting = Task { await signal.wait(timeout: .seconds(60), sleeper: Endless()) }
        waiting.cancel()
        await waiting.value
    }

    @Test func manyWaitsAndSignalsNeverStick() async {
        let signal = WakeSignal()
        let waiting = Task {
            for _ in 0..<1000 { await signal.wait(timeout: nil, sleeper: Endless()) }
            return true
        }
        let signalling = Task {
            while !Task.isCancelled {
                signal.signal()
                await Task.yield()
            }
        }
        #expect(await waiting.value)
        signalling.cancel()
    }
}
