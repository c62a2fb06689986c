import Ingest
import Model
import Telemetry
import TestSupport
import Testing
import Timekeeping

@Suite struct SourceRegistryTests {
    let clock = ManualClock()
    let registry: SourceRegistry

    init() { registry = SourceRegistry(clock: clock, metrics: MetricsRegistry()) }

    var status: SourceStatus? { registry.statuses.first }

    func accepted(_ count: Int) -> AppendResult {
        var result = AppendResult()
        result.accepted = count
        return result
    }

    @Test func healthFollowsWhatHappens() {
        registry.declare("s", isOn: false, advice: "turn it on")
        #expect(status?.health == .off)
        registry.declare("s", isOn: true)
        #expect(status?.health == .waiting)
        registry.admitted("s", accepted(1), newest: nil)
        #expect(status?.health == .ok)
        registry.refused("s", cause: "malformed", "bad bytes")
        #expect(status?.health == .refusing)
        registry.failed("s", advice: "no answer")
        #expect(status?.health == .failing)
        registry.succeeded("s")
        clock.advance(by: SourceRegistry.refusalShown + .seconds(1))
        #expect(status?.health == .ok)
        #expect(status?.advice == "")
        // What is over is still told of.
        #expect(status?.lastError == "no answer")
        #expect(status?.lastErrorAt == clock.now() - SourceRegistry.refusalShown - .seconds(1))
    }

    @Test func aJudgedSourceFailsThoughSamplesComeIn() {
        registry.judged("s", worked: false, failure: "1 of 2 is down")
        registry.admitted("s", accepted(5), newest: nil)
        #expect(status?.health == .failing)
        #expect(status?.lastSuccess == nil)
        registry.judged("s", worked: true, failure: "1 of 2 is down")
        #expect(status?.health == .failing)
        #expect(status?.lastSuccess == clock.now())
        registry.judged("s", worked: true, failure: nil)
        #expect(status?.health == .ok)
    }

    @Test func theRateIsThatOfTheLastMinute() {
        #expect(RecentRateText.of(status) == "none")
        // Ten a second for five minutes.
        for _ in 0..<300 {
            registry.admitted("s", accepted(10), newest: nil)
            clock.advance(by: .seconds(1))
        }
        #expect(RecentRateText.of(status) == "10")
        clock.advance(by: .seconds(30))
        #expect(RecentRateText.of(status) == "5")
        clock.advance(by: .seconds(120))
        #expect(RecentRateText.of(status) == "0")
    }

    /// A rate in whole numbers.
    enum RecentRateText {
        static func of(_ status: SourceStatus?) -> String {
            status?.perSecond.map { "\(Int($0.rounded()))" } ?? "none"
        }
    }

    @Test func clocksThatAreAheadAreToldOf() {
        registry.admitted("s", accepted(1), newest: nil)
        registry.timed("s", ahead: .seconds(45), late: 0)
        #expect(
            status?.advice
                == "its newest samples are 45 s ahead of this machine's clock; set both clocks by NTP"
        )
        registry.timed("s", ahead: .seconds(-1), late: 0)
        #expect(status?.advice == "")
    }
}
