import ServiceRuntime
import Testing

@testable import EFKIngest

@Suite struct ForwardPatienceTests {
    static func at(_ seconds: UInt64) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: seconds * 1_000_000_000)
    }

    static let settings = ForwardSettings {
        $0.handshakeTimeMax = .seconds(10)
        $0.messageTimeMax = .seconds(60)
        $0.idleTimeMax = .seconds(300)
    }

    @Test func eachPhaseHasItsOwnTimeFromItsBeginning() {
        var patience = ForwardPatience(Self.settings, withHandshake: true, at: Self.at(100))
        #expect(patience.deadline == Self.at(110))
        patience.enter(.idle, at: Self.at(105))
        #expect(patience.deadline == Self.at(405))
        patience.enter(.message, at: Self.at(200))
        #expect(patience.deadline == Self.at(260))
        patience.enter(.working, at: Self.at(230))
        #expect(patience.deadline == nil)
        patience.enter(.idle, at: Self.at(231))
        #expect(patience.deadline == Self.at(531))
    }

    @Test func aByteAMinuteExtendsNothing() {
        var patience = ForwardPatience(Self.settings, withHandshake: false, at: Self.at(0))
        patience.enter(.message, at: Self.at(10))
        for second in stride(from: UInt64(20), through: 69, by: 7) {
            patience.enter(.message, at: Self.at(second))
            #expect(patience.deadline == Self.at(70))
        }
    }

    @Test func anIdleConnectionMayStayForEverUnlessTheSettingSaysOtherwise() {
        let patience = ForwardPatience(ForwardSettings(), withHandshake: false, at: Self.at(0))
        #expect(patience.phase == .idle)
        #expect(patience.deadline == nil)
    }
}
