import CloudWatchIngest
import Dispatch
import HTTPClient
import Model
import Synchronization
import Telemetry
import Timekeeping

/// Whatever AWS, or something in its place, answers: it stops nothing, and what is admitted was asked for.
///
/// The first byte says which call is answered, the second with which status.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count >= 2 else { return 0 }
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    let answer = Answer(
        status: input[1] == UInt8(ascii: "4") ? 400 : input[1] == UInt8(ascii: "5") ? 500 : 200,
        body: Array(input[2...])
    )
    switch input[0] {
    case UInt8(ascii: "d"): poll(answer, usesStatistics: false, selector: Needs.metrics)
    case UInt8(ascii: "s"): poll(answer, usesStatistics: true, selector: Needs.metrics)
    case UInt8(ascii: "x"): poll(answer, usesStatistics: false, selector: Needs.limits)
    case UInt8(ascii: "k"): takeRole(answer)
    default:
        let text = String(decoding: answer.body, as: UTF8.self)
        let value = ParameterFormula.value(of: text, ["DBInstanceClassMemory": 17_179_869_184])
        precondition(value?.isFinite ?? true, "a formula gives a number or nothing")
    }
    return 0
}

private enum Needs {
    static let metrics = [
        "aws_rds_cpuutilization_average", "aws_applicationelb_httpcode_target_5xx_count_sum",
        "aws_applicationelb_target_response_time_p99",
    ].map(need)
    static let limits = LimitReading.Kind.allCases.map { need($0.rawValue) }

    private static func need(_ name: String) -> SelectorNeed {
        SelectorNeed(
            matchers: [LabelMatcher(LabelSet.metricName, equals: name)],
            reach: .seconds(300)
        )
    }
}

private let noon = Timestamp(year: 2026, month: 3, day: 1, hour: 12)

private struct FixedClock: WallClock {
    func now() -> Timestamp { noon }
}

private struct NoSleeper: Sleeper {
    func sleep(for duration: Duration) async throws {}
}

/// The same reply to every request.
private struct Answer: HTTPSending {
    var status: Int
    var body: [UInt8]

    func send(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientReply {
        HTTPClientReply(status: status, body: body)
    }
}

private struct Door: SampleAdmitting {
    func admit(_ batch: SampleBatch, from source: String) -> AdmissionOutcome {
        precondition(batch.values.allSatisfy { !$0.isInfinite }, "a value without bounds")
        precondition(
            batch.timestamps.allSatisfy {
                (noon - .seconds(7 * 3600)).milliseconds <= $0 && $0 <= noon.milliseconds
            },
            "a sample beyond what was asked for"
        )
        return .admitted(AppendResult())
    }
}

private func poll(_ answer: Answer, usesStatistics: Bool, selector: [SelectorNeed]) {
    var settings = CloudWatchSettings(
        regions: ["eu-west-1"],
        endpoint: "http://cw.test",
        usesMetricStatistics: usesStatistics,
        lookupEndpoint: "http://query.test"
    )
    settings.cataloguePagesMax = 2
    settings.dataPagesMax = 2
    let poller = CloudWatchPoller(
        settings: settings,
        credentials: FixedCredentials(
            AWSCredentials(accessKeyID: "AKID", secretAccessKey: "secret", source: "fuzz")
        ),
        environment: AWSEnvironment(variables: [:]) { (_) throws(FileReadError) in throw .missing },
        http: answer,
        admit: Door(),
        clock: FixedClock(),
        sleeper: NoSleeper(),
        log: .silent,
        metrics: MetricsRegistry()
    )
    poller.update(needs: selector)
    finish {
        await poller.pollOnce(at: noon)
        await poller.pollOnce(at: noon)
    }
    let report = poller.costReport(at: noon)
    precondition(report.spentUsd.isFinite && report.spentUsd < 1, "a poll that costs a fortune")
}

private func takeRole(_ answer: Answer) {
    let chain = CredentialsChain(
        environment: AWSEnvironment(variables: [
            "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r", "AWS_WEB_IDENTITY_TOKEN_FILE": "/t",
        ]) { (_) throws(FileReadError) in Array("token".utf8) },
        http: answer,
        clock: FixedClock(),
        region: "eu-west-1"
    )
    finish {
        let keys = try? await chain.credentials()
        precondition(keys?.accessKeyID != "", "keys without an id")
    }
}

/// Runs to its end what awaits.
private func finish(_ body: @escaping @Sendable () async -> Void) {
    let done = DispatchSemaphore(value: 0)
    Task.detached {
        await body()
        done.signal()
    }
    done.wait()
}
