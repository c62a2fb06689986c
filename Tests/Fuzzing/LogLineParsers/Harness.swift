import Ingest
import Model
import Telemetry
import Timekeeping

private struct FixedClock: WallClock {
    func now() -> Timestamp { Timestamp(milliseconds: 1_700_000_000_000) }
}

/// Takes samples and counts them.
private struct Sink: SampleAppending {
    func append(_ batch: SampleBatch) -> AppendResult {
        var result = AppendResult()
        result.accepted = batch.sampleCount
        return result
    }
}

private let metrics = MetricsRegistry()

private let logMetrics: LogMetrics = {
    let place = SourceLocation(file: "fuzz", line: 1, column: 1)
    let labels = ["status", "path", "msg"].map {
        LogMetricDefinition.LabelSource(label: $0, field: $0)
    }
    let parsers: [(String, LogMetricDefinition.Parser)] = [
        ("json", .json), ("logfmt", .logfmt), ("combined", .combined),
        ("regex", .regex(#"(?P<status>\d+) (?P<path>\S*)"#)),
    ]
    let made = LogMetrics(clock: FixedClock(), metrics: metrics, log: .silent)
    do {
        try made.load(
            parsers.map {
                LogMetricDefinition(
                    name: $0.0,
                    parser: $0.1,
                    labels: labels,
                    seriesMax: 50,
                    location: place
                )
            }
        )
    } catch {
        preconditionFailure("\(error)")
    }
    return made
}()

/// Each line is counted or said to be unread by each of the parsers, once.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    func total() -> Int {
        ["json", "logfmt", "combined", "regex"].reduce(0) { sum, name in
            let labels = [(name: "metric", value: name)]
            return sum
                + metrics.counter("tocsin_log_metric_records", help: "", labels: labels).value
                + metrics.counter("tocsin_log_metric_unparsed", help: "", labels: labels).value
        }
    }
    let moment = Timestamp(milliseconds: 1_700_000_000_000)
    let text = LogValue.string(String(decoding: input, as: UTF8.self))
    _ = logMetrics
    let before = total()
    logMetrics.count(
        [LogRecord(tag: "t", eventTime: moment, arrivalTime: moment, fields: [("log", text)])],
        into: Sink()
    )
    precondition(total() == before + 4, "a line is counted or unread by each parser, once")
    return 0
}
