import CloudWatchIngest
import CloudWatchStandIn
import HTTPClient
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timekeeping

/// Retries, pace, clock correction and error codes of the client, against the stand-in.
@Suite struct CloudWatchClientTests {
    static let key = StandInKey(accessKeyID: "AKIDTEST", secretAccessKey: "secret")
    let clock = ManualClock(Timestamp(year: 2026, month: 3, day: 1, hour: 12))
    let registry = MetricsRegistry()

    private func client(
        _ http: FakeHTTP,
        sleeper: VirtualSleeper,
        secret: String = "secret",
        pace: RequestPace = .init(burst: 1000)
    ) -> CloudWatchClient {
        let keys = FixedCredentials(
            AWSCredentials(accessKeyID: "AKIDTEST", secretAccessKey: secret, source: "test")
        )
        return CloudWatchClient(
            region: "eu-west-1",
            endpoint: "http://cloudwatch.test",
            credentials: CredentialsCache(keys, clock: clock, log: .silent),
            http: http,
            clock: clock,
            sleeper: sleeper,
            pace: SharedPace(pace),
            random: SeededGenerator(seed: 1),
            counters: CloudWatchCounters(registry, source: "cloudwatch/eu-west-1")
        )
    }

    private func standIn() -> CloudWatchStandIn {
        CloudWatchStandIn(keys: [Self.key], clock: clock)
    }
    private let input = ListMetricsInput(namespace: "N", recentlyActive: true)

    @Test func throttledCallsAreTriedAgainWithFullJitter() async throws {
        let standIn = standIn()
        standIn.inject(.throttling, times: 3)
        let sleeper = VirtualSleeper()
        let client = client(.mounting(standIn), sleeper: sleeper)
        _ = try await client.listMetrics(input)
        #expect(standIn.calls["ListMetrics"] == 4)
        let jitter = sleeper.pauses.filter { $0 < .seconds(3) }
        #expect(zip(jitter, [500, 1000, 2000]).allSatisfy { $0 <= .milliseconds($1) })
        #expect(
            registry.exposition(.text).contains(
                #"outcome="throttled",source="cloudwatch/eu-west-1"} 3"#
            )
        )
    }

    @Test func afterTheLastTryTheErrorIsGiven() async {
        let standIn = standIn()
        standIn.inject(.refuse(code: "ThrottlingException", message: "Rate exceeded"), times: 10)
        let client = client(.mounting(standIn), sleeper: VirtualSleeper())
        await #expect(
            throws: CloudWatchError.service(
                code: "ThrottlingException",
                message: "Rate exceeded",
                status: 400
            )
        ) {
            try await client.listMetrics(input)
        }
        #expect(standIn.calls["ListMetrics"] == 4)
    }

    @Test(arguments: ["AccessDenied", "ValidationError", "InvalidParameterValue"])
    func aRefusalIsNotTriedAgain(_ code: String) async {
        let standIn = standIn()
        standIn.inject(.refuse(code: code, message: "no"))
        let client = client(.mounting(standIn), sleeper: VirtualSleeper())
        await #expect(throws: CloudWatchError.service(code: code, message: "no", status: 400)) {
            try await client.listMetrics(input)
        }
        #expect(standIn.calls["ListMetrics"] == 1)
    }

    @Test func serverErrorsAndLostConnectionsAreTriedAgain() async throws {
        let standIn = standIn()
        standIn.inject(.fail(status: 503))
        let attempts = Mutex(0)
        let http = FakeHTTP.mounting(standIn) { (_) throws(HTTPClientError) in
            let count = attempts.withLock { count in
                count += 1
                return count
            }
            if count == 1 { throw .unreachable(host: "cloudwatch.test", reason: "reset") }
        }
        _ = try await client(http, sleeper: VirtualSleeper()).listMetrics(input)
        #expect(attempts.withLock { $0 } == 3)
    }

    @Test func aWrongClockIsCorrectedOnceByTheRepliesDate() async throws {
        let standIn = standIn()
        standIn.setClockOffset(.seconds(3600))
        let client = client(.mounting(standIn), sleeper: VirtualSleeper())
        _ = try await client.listMetrics(input)
        #expect(standIn.calls["ListMetrics"] == 2)
        _ = try await client.listMetrics(input)
        #expect(standIn.calls["ListMetrics"] == 3)
        #expect(
            registry.exposition(.text).contains(
                "tocsin_cloudwatch_clock_offset_seconds{source=\"cloudwatch/eu-west-1\"} 3600"
            )
        )
        standIn.setClockOffset(.seconds(-7200))
        _ = try await client.listMetrics(input)
        #expect(standIn.calls["ListMetrics"] == 5)
    }

    @Test func aWrongSecretIsNotTriedAgainAndSaysSo() async {
        let standIn = standIn()
        let client = client(.mounting(standIn), sleeper: VirtualSleeper(), secret: "wrong")
        do {
            _ = try await client.listMetrics(input)
            Issue.record("was answered")
        } catch {
            #expect("\(error)".contains("SignatureDoesNotMatch"))
            #expect("\(error)".contains("secret access key does not belong"))
            #expect(!"\(error)".contains("wrong"))
        }
        #expect(standIn.calls["ListMetrics"] == 1)
    }

    @Test func rejectedKeysAreRenewedOnce() async {
        let standIn = standIn()
        standIn.inject(.refuse(code: "ExpiredToken", message: "expired"), times: 5)
        let client = client(.mounting(standIn), sleeper: VirtualSleeper())
        await #expect(throws: CloudWatchError.self) { try await client.listMetrics(input) }
        #expect(standIn.calls["ListMetrics"] == 2)
    }

    @Test(
        arguments: [
            (
                #"{"__type":"com.amazonaws.x#ThrottlingException","message":"m"}"#, nil,
                "ThrottlingException"
            ),
            (
                #"{"__type":"InternalServiceFault:http://x/","Message":"m"}"#, nil,
                "InternalServiceFault"
            ),
            (
                #"{"__type":"x#Shape","message":"m"}"#, "InvalidParameterValue;Sender",
                "InvalidParameterValue"
            ),
            ("<html>", nil, "HTTP500"), ("", nil, "HTTP500"),
        ] as [(String, String?, String)]
    ) func codesAreReadFromBodyAndHeader(
        _ body: String,
        _ header: String?,
        _ code: String
    ) async {
        let http = FakeHTTP { (_) throws(HTTPClientError) in
            HTTPClientReply(
                status: 500,
                headers: header.map { [("x-amzn-query-error", $0)] } ?? [],
                body: Array(body.utf8)
            )
        }
        do {
            _ = try await client(http, sleeper: VirtualSleeper()).listMetrics(input)
            Issue.record("was answered")
        } catch {
            guard case .service(let found, _, 500) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(found == code)
        }
    }

    @Test func anAnswerThatIsNoJSONIsSaidToBeUnreadable() async {
        let http = FakeHTTP { (_) throws(HTTPClientError) in
            HTTPClientReply(status: 200, body: Array("<a/>".utf8))
        }
        await #expect(throws: CloudWatchError.malformedReply("ListMetrics answered 200 with <a/>"))
        {
            try await client(http, sleeper: VirtualSleeper()).listMetrics(input)
        }
    }

    @Test func cancellationEndsTheWait() async {
        let standIn = standIn()
        standIn.inject(.throttling, times: 10)
        let client = client(.mounting(standIn), sleeper: VirtualSleeper(isCancelled: true))
        await #expect(throws: CloudWatchError.cancelled) { try await client.listMetrics(input) }
    }

    @Test func thePaceHalvesWhenThrottledAndRecovers() {
        var pace = RequestPace(rateMax: 10, rateMin: 1, burst: 2)
        let start = clock.now()
        #expect(pace.take(at: start) == .zero)
        #expect(pace.take(at: start) == .zero)
        #expect(pace.take(at: start) == .milliseconds(100))
        #expect(pace.take(at: start) == .milliseconds(200))
        #expect(pace.take(at: start + .seconds(10)) == .zero)
        pace.throttled()
        #expect(pace.rate == 5)
        for _ in 0..<9 { pace.throttled() }
        #expect(pace.rate == 1)
        #expect(pace.take(at: start + .seconds(10)) == .seconds(1))
        // A clock that steps back gives no tokens and takes none.
        #expect(pace.take(at: start) == .seconds(2))
        for _ in 0..<100 { pace.succeeded() }
        #expect(pace.rate == 10)
    }

    @Test func waitsAreWithinTheirBounds() {
        var random = SeededGenerator(seed: 3)
        let policy = RetryPolicy(attemptsMax: 9, base: .milliseconds(500), cap: .seconds(20))
        for attempt in 1...60 {
            let bound = min(20000, 500 << Int64(min(20, attempt - 1)))
            for _ in 0..<50 {
                let wait = policy.wait(after: attempt, using: &random)
                #expect(wait >= .zero && wait <= .milliseconds(bound))
            }
        }
    }

    @Test(
        arguments: [
            ("Tue, 24 Nov 2026 07:22:41 GMT", "2026-11-24T07:22:41Z"),
            ("Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"),
            ("Sunday, 06-Nov-94 08:49:37 GMT", nil), ("", nil),
            ("Tue, 24 Nov 2026 25:22:41 GMT", nil),
            ("Tue, 24 Foo 2026 07:22:41 GMT", nil), ("Tue, 24 Nov 2026 07:22:41 CET", nil),
        ] as [(String, String?)]
    ) func dates(_ text: String, _ time: String?) {
        #expect(HTTPDate.parse(text)?.rfc3339 == time)
        if let time = HTTPDate.parse(text) { #expect(HTTPDate.text(time) == text) }
    }
}
