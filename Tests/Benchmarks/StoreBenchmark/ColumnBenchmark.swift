import Glibc
import MetricStore
import Model
import Telemetry
import TestSupport
import Timekeeping

/// A store full of counters and gauges, and columns read from it.
struct ColumnBenchmark {
    private static let step: Int64 = 15_000
    private static let metricSeries = 1000
    private let series: Int
    private let samples: Int
    private let clock = ManualClock()
    private let store: MetricStore

    /// What the name of a measurement must begin with; it is then repeated more often, for a profile.
    private let only: String?

    init(series: Int, samples: Int, shards: Int, only: String?) {
        self.only = only
        self.series = series
        self.samples = samples
        store = MetricStore(
            settings: MetricStoreSettings(shards: shards, maxSeries: 2_000_000),
            clock: clock,
            metrics: MetricsRegistry()
        )
        store.start()
    }

    func run() throws {
        fill()
        let statistics = store.statistics
        print(
            "\(statistics.series) series, \(statistics.samples) samples, "
                + "\(statistics.bytes / max(1, statistics.series)) bytes a series accounted"
        )
        let minute: Int64 = 60_000
        let functions: [(name: String, function: WindowFunction, length: Int64, steps: Int)] = [
            ("newest", BenchmarkFunctions.newest, 5 * minute, 1),
            ("rate[5m]", BenchmarkFunctions.rate, 5 * minute, 1),
            ("rate[30m]", BenchmarkFunctions.rate, 30 * minute, 1),
            ("rate[1h]", BenchmarkFunctions.rate, 60 * minute, 1),
            ("avg_over_time[5m]", BenchmarkFunctions.average, 5 * minute, 1),
            ("max_over_time[1h]", BenchmarkFunctions.maximum, 60 * minute, 1),
            ("newest, 60 steps", BenchmarkFunctions.newest, 5 * minute, 60),
            ("rate[5m], 60 steps", BenchmarkFunctions.rate, 5 * minute, 60),
        ]
        for (name, function, length, steps) in functions {
            let matchers = metrics(onlyCounters: function.shortcut != .none)
            try measure(name, steps: steps, matchers: matchers) { matchers in
                ColumnRequest(
                    matchers: matchers,
                    function: function,
                    length: length,
                    end: clock.now().milliseconds - Int64(steps - 1) * ColumnBenchmark.step,
                    step: ColumnBenchmark.step,
                    steps: steps
                )
            }
        }
        try measure("newest, 20 selectors a metric", steps: 1, matchers: instances()) { matchers in
            ColumnRequest(
                matchers: matchers,
                function: BenchmarkFunctions.newest,
                length: 5 * minute,
                end: clock.now().milliseconds
            )
        }
        store.stop()
    }

    private func metrics(onlyCounters: Bool) -> [[LabelMatcher]] {
        (0..<(series / ColumnBenchmark.metricSeries)).filter { !onlyCounters || $0 % 5 < 3 }.map {
            [LabelMatcher("__name__", equals: "http_requests_metric_\($0)_total")]
        }
    }

    private func instances() -> [[LabelMatcher]] {
        (0..<(series / ColumnBenchmark.metricSeries)).flatMap { metric in
            (0..<20).map {
                [
                    LabelMatcher("__name__", equals: "http_requests_metric_\(metric)_total"),
                    LabelMatcher("service", equals: "service-\($0)"),
                ]
            }
        }
    }

    /// Prints the best of several runs, wall clock and processor time.
    private func measure(
        _ name: String,
        steps: Int,
        matchers: [[LabelMatcher]],
        _ request: ([LabelMatcher]) -> ColumnRequest
    ) throws {
        guard only.map({ name.hasPrefix($0) }) ?? true else { return }
        let requests = matchers.map(request)
        var best: (wall: UInt64, processor: UInt64) = (.max, .max)
        var rows = 0
        for _ in 0..<(only == nil ? 12 : 300) {
            let start = (MonotonicTime.nanoseconds(), ColumnBenchmark.processorNanoseconds())
            let columns = try store.columns(requests, sampleLimit: .max)
            best.wall = min(best.wall, MonotonicTime.nanoseconds() - start.0)
            best.processor = min(
                best.processor,
                ColumnBenchmark.processorNanoseconds() - start.1
            )
            rows = columns.reduce(0) { $0 + $1.values.count }
        }
        func each(_ nanoseconds: UInt64) -> Double {
            (Double(nanoseconds) / Double(max(1, rows)) * 10).rounded() / 10
        }
        print(
            "\(name): \(each(best.wall)) ns a value (\(each(best.processor)) of processor), "
                + "\(requests.count) requests, \(rows) values"
        )
    }

    private static func processorNanoseconds() -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    // MARK: Filling

    /// Time by time, as samples come; of five metrics three are counters, two of which rarely move.
    private func fill() {
        var random = SeededGenerator(seed: 1)
        var values = [Double](repeating: 0, count: series)
        var batch = SampleBatch()
        for index in 0..<series {
            let labels = labels(index)
            batch.append(labels, samples: [Sample(Timestamp(milliseconds: 0), 0)])
        }
        let now = clock.now().milliseconds
        for sample in 0..<samples {
            let time = now - Int64(samples - 1 - sample) * ColumnBenchmark.step
            for index in 0..<series {
                let value: Double =
                    switch index / ColumnBenchmark.metricSeries % 5 {
                    case 0, 1: values[index] + Double(sample % 20 == 0 ? 1 : 0)
                    case 2: values[index] + Double(random.next() % 100)
                    case 3: Double(random.next() % 10_000) / 100
                    default: Double(random.next() % 1000)
                    }
                values[index] = value
                batch.values[index] = value
                batch.timestamps[index] = time - Int64(random.next() % 3)
            }
            _ = store.append(batch)
        }
    }

    private func labels(_ index: Int) -> LabelSet {
        let number = index % ColumnBenchmark.metricSeries
        return [
            "__name__": "http_requests_metric_\(index / ColumnBenchmark.metricSeries)_total",
            "service": "service-\(number % 20)", "instance": "10.0.\(number / 250).\(number % 250)",
            "pod": "service-\(number % 20)-7d4b9c6f8d-\(number)", "namespace": "production",
            "cluster": "eu-central-1", "job": "kubernetes-pods", "method": "GET",
            "status": "\(200 + number % 7)", "route": "/api/v1/resource/\(number % 13)",
        ]
    }
}
