import Synchronization
import Telemetry
import TestSupport
import Testing
import Timekeeping

@Suite struct LogTests {
    private final class Lines: Sendable {
        private let text = Mutex("")

        func add(_ line: String) { text.withLock { $0 += line } }

        var all: String { text.withLock { $0 } }
    }

    private let clock = ManualClock(Timestamp(milliseconds: 1_700_000_000_000))

    @Test func aTextLineQuotesWhatNeedsIt() {
        let lines = Lines()
        let log = Log(component: "rules", clock: clock) { lines.add($0) }
        log.warn("cannot load", ["file": "a.yaml", "reason": "line 3: \"x\"", "empty": ""])
        #expect(
            lines.all == "2023-11-14T22:13:20Z WARN rules: cannot load file=a.yaml "
                + "reason=\"line 3: \\\"x\\\"\" empty=\"\"\n"
        )
    }

    @Test func aJSONLineIsOneObject() {
        let lines = Lines()
        let log = Log(component: "http", format: .json, clock: clock) { lines.add($0) }
        log.error("tab\there", ["path": "/\u{1}"])
        #expect(
            lines.all
                == "{\"time\":\"2023-11-14T22:13:20Z\",\"level\":\"error\",\"component\":\"http\","
                + "\"message\":\"tab\\there\",\"path\":\"/\\u0001\"}\n"
        )
    }

    @Test func linesBelowTheLevelAreDropped() {
        let lines = Lines()
        let log = Log(component: "a", level: .warn, clock: clock) { lines.add($0) }.named("b")
        log.debug("no")
        log.info("no")
        log.error("yes")
        #expect(lines.all == "2023-11-14T22:13:20Z ERROR b: yes\n")
    }
}
