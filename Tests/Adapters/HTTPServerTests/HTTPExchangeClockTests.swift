import ServiceRuntime
import Testing

@testable import HTTPServer

@Suite struct HTTPExchangeClockTests {
    private let start = MonotonicInstant(nanoseconds: 1_000_000_000_000)
    private let settings = HTTPServerSettings(
        headTime: .seconds(10),
        transferGrace: .seconds(5),
        transferFloor: 1000,
        idleTime: .seconds(60)
    )

    private func at(_ seconds: Int) -> MonotonicInstant { start + .seconds(seconds) }

    @Test func `a connection that says nothing is closed without a word`() {
        var clock = HTTPExchangeClock(settings: settings, at: start)
        #expect(clock.deadline == at(10))
        let expiry = clock.expire(unsentBytes: 0)
        #expect(expiry == .closeIdle)
    }

    @Test func `a drip of header bytes does not extend their time`() {
        var clock = HTTPExchangeClock(settings: settings, at: start)
        for second in 3..<20 { clock.headBegan(at: at(second)) }
        #expect(clock.deadline == at(13))
        let expiry = clock.expire(unsentBytes: 0)
        #expect(expiry == .slowHead)
    }

    @Test func `a body at the floor rate has time, a slower one has not`() {
        var clock = HTTPExchangeClock(settings: settings, at: start)
        clock.headBegan(at: start)
        clock.bodyBegan(at: at(2))
        #expect(clock.deadline == at(7))
        // One byte a second: the grace is all there is, and a millisecond a byte.
        for second in 3..<7 {
            clock.bodyGrew(to: second - 2)
            #expect(clock.deadline.map { $0 <= at(7) + .milliseconds(4) } == true)
        }
        // 1,000 bytes a second: the deadline stays five seconds ahead.
        for second in 3..<60 {
            clock.bodyGrew(to: (second - 2) * 1000)
            #expect(clock.deadline == at(second + 5))
        }
        let expiry = clock.expire(unsentBytes: 0)
        #expect(expiry == .slowBody)
    }

    @Test func `a handler has no deadline, and a slow reader has the time its answer is worth`() {
        var clock = HTTPExchangeClock(settings: settings, at: start)
        clock.headBegan(at: start)
        clock.handlingBegan()
        #expect(clock.deadline == nil)
        clock.answered(bytes: 20000, at: at(30))
        #expect(clock.deadline == at(90))
        let sent = clock.expire(unsentBytes: 0)
        #expect(sent == .closeIdle)
        clock.handlingBegan()
        clock.answered(bytes: 100_000, at: at(40))
        #expect(clock.deadline == at(100))
        let sending = clock.expire(unsentBytes: 50000)
        #expect(sending == .wait)
        #expect(clock.deadline == at(40 + 5 + 100))
        let stalled = clock.expire(unsentBytes: 50000)
        #expect(stalled == .closeIdle)
        clock.headBegan(at: at(50))
        #expect(clock.deadline == at(60))
    }
}
