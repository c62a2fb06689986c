import Glibc
import Testing

@testable import ServiceRuntime

@Suite struct SignalWaiterTests {
    @Test func `signals come as values, in a process of its own`() async {
        await #expect(processExitsWith: .success) {
            let waiter = try SignalWaiter()
            #expect(try waiter.wait(atMost: .milliseconds(1)) == nil)
            for (number, signal) in [
                (SIGHUP, .reload), (SIGINT, .interrupt), (SIGTERM, .terminate),
            ] as [(Int32, ServiceSignal)] {
                // To this thread: the test runner's other threads do not block them.
                #expect(pthread_kill(pthread_self(), number) == 0)
                #expect(try waiter.wait(atMost: .seconds(10)) == signal)
            }
            #expect(kill(getpid(), SIGPIPE) == 0)
        }
    }
}
