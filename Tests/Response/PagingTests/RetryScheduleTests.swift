import HTTPClient
import TestSupport
import Testing
import Timekeeping

@testable import Paging

@Suite struct RetryScheduleTests {
    @Test func waitsAreJitteredWithinTheSchedule() {
        var random = SeededGenerator(seed: 3)
        let schedule = RetrySchedule()
        for (failure, seconds) in [
            (1, 1), (2, 2), (3, 4), (4, 8), (5, 15), (6, 30), (7, 60), (8, 60), (1000, 60),
        ] {
            let waits = (0..<500).map { _ in
                schedule.wait(afterFailure: failure, retryAfter: nil, using: &random)
            }
            #expect(waits.allSatisfy { $0 >= .zero && $0 <= .seconds(seconds) })
            let mean = waits.map(\.inSeconds).reduce(0, +) / 500
            #expect(abs(mean - Double(seconds) / 2) < Double(seconds) * 0.1)
        }
    }

    @Test func retryAfterIsHonouredUpToAMinute() {
        var random = SeededGenerator(seed: 3)
        let schedule = RetrySchedule()
        #expect(
            schedule.wait(afterFailure: 1, retryAfter: .seconds(30), using: &random) == .seconds(30)
        )
        #expect(
            schedule.wait(afterFailure: 1, retryAfter: .seconds(3600), using: &random)
                == .seconds(60)
        )
        let longer = schedule.wait(afterFailure: 7, retryAfter: .seconds(1), using: &random)
        #expect(longer >= .seconds(1) && longer <= .seconds(60))
    }

    @Test(arguments: [
        (200, DeliveryVerdict.delivered), (202, .delivered), (204, .delivered), (301, .refused),
        (400, .refused), (401, .refused), (404, .refused), (408, .retry(after: nil)),
        (410, .refused), (413, .refused), (422, .refused), (425, .retry(after: nil)),
        (429, .retry(after: nil)), (500, .retry(after: nil)), (502, .retry(after: nil)),
        (503, .retry(after: nil)), (599, .retry(after: nil)),
    ])
    func answersAreReadAsReceiversMeanThem(status: Int, verdict: DeliveryVerdict) {
        #expect(
            AnswerReading.verdict(HTTPClientReply(status: status), now: Scene.start) == verdict
        )
    }

    @Test(arguments: [
        ("7", Duration?.some(.seconds(7))), ("0", .zero), ("-1", nil), ("soon", nil),
        ("999999999", .seconds(86400)), ("Tue, 24 Nov 2026 12:00:30 GMT", .seconds(30)),
        ("Tue, 24 Nov 2026 11:00:00 GMT", .zero),
    ])
    func retryAfterIsSecondsOrADate(text: String, wait: Duration?) {
        let reply = HTTPClientReply(status: 429, headers: [(name: "retry-after", value: text)])
        #expect(AnswerReading.verdict(reply, now: Scene.start) == .retry(after: wait))
    }

    @Test func failuresToAnswerMayPass() {
        #expect(
            AnswerReading.verdict(.timeout(host: "h", after: .seconds(5))) == .retry(after: nil)
        )
        #expect(
            AnswerReading.verdict(.unreachable(host: "h", reason: "x")) == .retry(after: nil)
        )
        #expect(AnswerReading.verdict(.tls(host: "h", reason: "x")) == .retry(after: nil))
        #expect(AnswerReading.verdict(.invalidURL("x")) == .refused)
    }
}
