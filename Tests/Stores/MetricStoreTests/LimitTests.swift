import Model
import Telemetry
import TestSupport
import Testing
import Timekeeping

@testable import MetricStore

@Suite("Metric store limits")
struct LimitTests {
    @Test func theSeriesLimitRefusesNewAndKeepsOld() throws {
        let harness = StoreHarness(MetricStoreSettings(shards: 2, maxSeries: 10))
        for index in 0..<10 {
            #expect(
                harness.append(
                    ["__name__": index < 7 ? "big" : "small", "i": "\(index)"],
                    [(-9, 1)]
                )
                .accepted == 1
            )
        }
        let refused = harness.append(["__name__": "small", "i": "new"], [(-8, 1), (-7, 1)])
        #expect(refused.accepted == 0)
        #expect(refused.refused == [.seriesLimit: 2])
        #expect(
            refused.firstRefusal
                == "series limit reached: 10 of 10 (store.max_series); refused new series "
                + "small{i=\"new\"}; metric \"big\" alone holds 7 of 10 series"
        )
        for index in 0..<10 {
            #expect(
                harness.append(
                    ["__name__": index < 7 ? "big" : "small", "i": "\(index)"],
                    [(-6, 2)]
                )
                .accepted == 1
            )
        }
        #expect(harness.store.statistics.series == 10)
    }

    /// Batches of one new series each, until one is refused; how many were taken, and why no more were.
    private func fill(
        _ harness: StoreHarness,
        _ name: String,
        from source: String? = nil,
        isEssential: Bool = false
    ) -> (taken: Int, refusal: String) {
        for index in 0..<1000 {
            var batch = harness.batch(
                [
                    "__name__": name, "from": source ?? "", "essential": "\(isEssential)",
                    "i": "\(index)",
                ],
                [(0, 1)]
            )
            batch.source = source
            let result =
                isEssential ? harness.store.append(batch) : harness.store.tryAppend(batch)
            if result?.refused[.seriesLimit] != nil {
                return (index, result?.firstRefusal ?? "")
            }
        }
        return (1000, "")
    }

    @Test func aPartOfTheSeriesIsForTheServicesOwn() {
        let harness = StoreHarness(MetricStoreSettings(shards: 2, maxSeries: 110))
        let outside = fill(harness, "m")
        #expect(outside.taken == 105)
        #expect(
            outside.refusal.hasPrefix(
                "series limit reached: 105 of 110, 5 of them for recording rules and log metrics "
                    + "(store.max_series); refused new series m{"
            ),
            "\(outside.refusal)"
        )
        let own = fill(harness, "recorded", isEssential: true)
        #expect(own.taken == 5)
        #expect(own.refusal.hasPrefix("series limit reached: 110 of 110 (store.max_series)"))
        let text = harness.metrics.exposition(.text)
        #expect(text.contains("tocsin_store_new_series_refused_total{limit=\"max_series\"} 2\n"))
    }

    @Test("one metric's limit", arguments: [1, 3]) func limitOfAMetric(shards: Int) {
        let harness = StoreHarness(
            MetricStoreSettings(shards: shards, maxSeries: 1000, seriesPerMetricMax: 90)
        )
        let first = fill(harness, "m")
        // With several shards the first full one refuses.
        #expect(shards == 1 ? first.taken == 90 : (50...90).contains(first.taken))
        #expect(
            first.refusal.hasPrefix(
                "a metric's series limit reached: 90 (store.max_series_per_metric); refused new series m{"
            ),
            "\(first.refusal)"
        )
        #expect(fill(harness, "other").taken > 50)
        #expect(
            harness.append(["__name__": "m", "essential": "false", "i": "0"], [(5, 1)]).accepted
                == 1
        )
        let text = harness.metrics.exposition(.text)
        #expect(
            text.contains(
                "tocsin_store_new_series_refused_total{limit=\"max_series_per_metric\"} 2\n"
            )
        )
    }

    @Test func limitOfASource() {
        let harness = StoreHarness(
            MetricStoreSettings(
                shards: 2,
                retention: .seconds(600),
                maxSeries: 1000,
                seriesPerSourceMax: 40
            )
        )
        let first = fill(harness, "m", from: "10.0.0.1")
        #expect(first.taken == 40)
        #expect(
            first.refusal.hasPrefix(
                "a source's series limit reached: 40 of 10.0.0.1 (store.max_series_per_source); "
            ),
            "\(first.refusal)"
        )
        #expect(fill(harness, "m", from: "10.0.0.2").taken == 40)
        // What names no source is not limited.
        #expect(fill(harness, "n").taken == 870)
        // Places come back with the series that go.
        harness.clock.advance(by: .seconds(700))
        harness.store.expire()
        #expect(fill(harness, "m", from: "10.0.0.1").taken == 40)
        let text = harness.metrics.exposition(.text)
        #expect(
            text.contains(
                "tocsin_store_new_series_refused_total{limit=\"max_series_per_source\"} 3\n"
            )
        )
    }

    @Test func manySourcesShareALimit() {
        let sources = SeriesSources(seriesMax: 2)
        var numbers: Set<UInt16> = []
        for index in 0..<5000 {
            let number = sources.number(of: "source \(index)")
            numbers.insert(number)
            _ = sources.take(number)
        }
        // Those for whom no number is left have one together.
        #expect(numbers.count == 4097)
        #expect(!sources.take(sources.number(of: "one more")))
        sources.give(sources.number(of: "source 7"))
        let number = sources.number(of: "one more")
        #expect(number == sources.number(of: "one more"))
        #expect(sources.take(number))
        #expect(sources.number(of: nil) == 0)
        #expect(sources.take(0))
    }

    @Test func placesOfExpiredSeriesAreTakenAgain() throws {
        let harness = StoreHarness(
            MetricStoreSettings(shards: 2, retention: .seconds(60), maxSeries: 10)
        )
        for index in 0..<10 { _ = harness.append(["__name__": "m", "i": "\(index)"], [(0, 1)]) }
        harness.clock.advance(by: .seconds(61))
        harness.store.expire()
        #expect(harness.store.statistics.series == 0)
        for index in 10..<20 {
            #expect(
                harness.append(["__name__": "m", "i": "\(index)"], [(0, 1)]).accepted == 1
            )
        }
        #expect(try harness.select([]).count == 10)
    }

    @Test func theMemoryLimitRefusesNewAndKeepsTheNewestOfOld() throws {
        let limit = 2 << 20
        let harness = StoreHarness(MetricStoreSettings(shards: 2, maxMemoryBytes: limit))
        let start = harness.clock.now().milliseconds
        var made = 0
        var refusal: AppendResult?
        while refusal == nil, made < 100_000 {
            let result = harness.append(["__name__": "m", "i": "\(made)"], [(0, 0.5)])
            if result.refused[.memoryLimit] != nil { refusal = result } else { made += 1 }
        }
        #expect(refusal?.firstRefusal?.contains("(store.max_memory); refused new series") == true)
        #expect(made > 1000)
        // Full mantissas do not pack; the limit forces old samples out.
        var random = SeededGenerator(seed: 3)
        var last = [Double](repeating: 0, count: made)
        for step in 1...60 {
            harness.clock.advance(by: .seconds(15))
            var batch = SampleBatch()
            for index in 0..<made {
                last[index] = Double.random(in: 0..<1, using: &random)
                batch.append(
                    ["__name__": "m", "i": "\(index)"],
                    samples: [
                        Sample(Timestamp(milliseconds: start + Int64(step) * 15_000), last[index])
                    ]
                )
            }
            try #require(harness.store.append(batch).accepted == made)
            try #require(harness.store.statistics.bytes <= limit + (512 << 10))
        }
        let statistics = harness.store.statistics
        #expect(statistics.evictedSamples > 0)
        #expect(statistics.samples + statistics.evictedSamples == made * 61)
        let found = try harness.select([])
        #expect(found.count == made)
        for series in found {
            let index = Int(series.labels["i"]) ?? 0
            try #require(series.samples.last?.value == last[index])
            // What is left is the newest, without a hole.
            let times = series.samples.map(\.timestamp.milliseconds)
            try #require(zip(times, times.dropFirst()).allSatisfy { $1 - $0 == 15_000 })
            try #require(times.count >= 4)
        }
    }

    @Test func oneSeriesHoldsSoManySamplesAtMost() throws {
        let harness = StoreHarness(
            MetricStoreSettings(shards: 1, retention: .seconds(30 * 86400))
        )
        let count = 280_000
        let now = harness.clock.now().milliseconds
        for start in stride(from: 0, to: count, by: 10_000) {
            var batch = SampleBatch()
            batch.append(
                ["__name__": "m"],
                samples: (start..<(start + 10_000)).map {
                    Sample(Timestamp(milliseconds: now - Int64(count - $0) * 1000), Double($0))
                }
            )
            #expect(harness.store.append(batch).accepted == 10_000)
        }
        let samples = try harness.samples("m")
        // The newest 4,095 chunks of 64, without a hole.
        #expect(samples.count > 4093 * 64 && samples.count < 4097 * 64)
        #expect(samples.last?.1 == Double(count - 1))
        #expect(zip(samples, samples.dropFirst()).allSatisfy { $1.1 - $0.1 == 1 })
        let statistics = harness.store.statistics
        #expect(statistics.evictedSamples + statistics.samples == count)
    }

    struct LabelCase: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var bytes: [UInt8]
        var cause: RefusalCause?
        var message: String
    }

    static func label(_ name: String, _ value: [UInt8]) -> [UInt8] {
        let message =
            [0x0a, UInt8(name.utf8.count)] + Array(name.utf8) + [0x12, UInt8(value.count)] + value
        return [0x0a, UInt8(message.count)] + message
    }

    static func label(_ name: String, _ value: String) -> [UInt8] { label(name, Array(value.utf8)) }

    static let name = label("__name__", "m")
    static let labelCases = [
        LabelCase(
            testDescription: "unsorted is sorted",
            bytes: label("b", "2") + label("a", "1") + name,
            cause: nil,
            message: "m{a=\"1\", b=\"2\"}"
        ),
        LabelCase(
            testDescription: "an empty value is no label",
            bytes: name + label("a", ""),
            cause: nil,
            message: "m"
        ),
        LabelCase(
            testDescription: "UTF-8 names are allowed",
            bytes: name + label("höhe.über/nn", "1"),
            cause: nil,
            message: "m{höhe.über/nn=\"1\"}"
        ),
        LabelCase(
            testDescription: "a name twice",
            bytes: name + label("a", "1") + label("a", "2"),
            cause: .invalidLabels,
            message: "label \"a\" appears twice in m{a=\"2\"}; send each label once"
        ),
        LabelCase(
            testDescription: "an empty name",
            bytes: name + label("", "1"),
            cause: .invalidLabels,
            message: "a label has an empty name; give it one"
        ),
        LabelCase(
            testDescription: "no metric name",
            bytes: label("a", "1"),
            cause: .invalidLabels,
            message: "series {a=\"1\"} has no metric name; set the label __name__"
        ),
        LabelCase(
            testDescription: "nothing",
            bytes: [],
            cause: .invalidLabels,
            message: "series {} has no metric name; set the label __name__"
        ),
        LabelCase(
            testDescription: "a value that is not UTF-8",
            bytes: name + label("a", [0xff, 0xfe]),
            cause: .invalidLabels,
            message: "the value of label \"a\" is not valid UTF-8; encode it as UTF-8"
        ),
        LabelCase(
            testDescription: "an overlong encoding",
            bytes: name + label("a", [0xc0, 0x80]),
            cause: .invalidLabels,
            message: "the value of label \"a\" is not valid UTF-8; encode it as UTF-8"
        ),
        LabelCase(
            testDescription: "truncated",
            bytes: name + [0x0a, 9, 0x0a, 1],
            cause: .invalidLabels,
            message: "label bytes are malformed at byte 15 of 19; send Prometheus Label messages"
        ),
        LabelCase(
            testDescription: "an endless varint",
            bytes: [0x0a] + [UInt8](repeating: 0xff, count: 20),
            cause: .invalidLabels,
            message: "label bytes are malformed at byte 0 of 21; send Prometheus Label messages"
        ),
        LabelCase(
            testDescription: "a huge length",
            bytes: [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
            cause: .invalidLabels,
            message: "label bytes are malformed at byte 0 of 10; send Prometheus Label messages"
        ),
        LabelCase(
            testDescription: "another field",
            bytes: name + [0x12, 0],
            cause: .invalidLabels,
            message: "label bytes are malformed at byte 15 of 17; send Prometheus Label messages"
        ),
        LabelCase(
            testDescription: "too many labels",
            bytes: name + (0..<8).flatMap { label("l\($0)", "1") },
            cause: .labelLimit,
            message: "has more labels than the limit of 8; drop labels with a relabel rule"
        ),
        LabelCase(
            testDescription: "a long name",
            bytes: name + label(String(repeating: "n", count: 33), "1"),
            cause: .labelLimit,
            message: "a label name has 33 bytes (limit 32); shorten it or drop the label"
        ),
        LabelCase(
            testDescription: "a long value",
            bytes: name + label("a", String(repeating: "v", count: 41)),
            cause: .labelLimit,
            message: "the value of label \"a\" has 41 bytes (limit 40); shorten it or drop the "
                + "label with a relabel rule"
        ),
    ]

    @Test("label bytes", arguments: labelCases) func labels(_ one: LabelCase) throws {
        let harness = StoreHarness(
            MetricStoreSettings(
                shards: 3,
                labelsPerSeriesMax: 8,
                labelNameBytesMax: 32,
                labelValueBytesMax: 40
            )
        )
        var batch = SampleBatch()
        batch.labelBytes = [0x99] + one.bytes + [0x99]
        batch.timestamps = [harness.clock.now().milliseconds]
        batch.values = [1]
        batch.entries = [SampleBatch.Entry(labels: 1..<(1 + one.bytes.count), samples: 0..<1)]
        for _ in 0..<2 {
            let result = harness.store.append(batch)
            #expect(result.refused == (one.cause.map { [$0: 1] } ?? [:]))
            if one.cause != nil {
                #expect(result.firstRefusal?.hasSuffix(one.message) == true, "\(result)")
            }
        }
        let found = try harness.select([])
        #expect(found.map(\.labels.description) == (one.cause == nil ? [one.message] : []))
    }

    @Test func hostileLabelBytesNeverCrash() throws {
        var random = SeededGenerator(seed: 11)
        let harness = StoreHarness(MetricStoreSettings(shards: 2, aliasesPerSeriesMax: 2))
        let good = LimitTests.name + LimitTests.label("a", "1") + LimitTests.label("bb", "22")
        var refused = 0
        for round in 0..<900 {
            var batch = SampleBatch()
            for _ in 0..<4 {
                var bytes = good
                switch round % 3 {
                case 0:
                    bytes = (0..<Int.random(in: 0..<60, using: &random)).map { _ in
                        UInt8.random(in: .min ... .max, using: &random)
                    }
                case 1:
                    for _ in 0..<Int.random(in: 1..<4, using: &random) {
                        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
                            in: .min ... .max,
                            using: &random
                        )
                    }
                default:
                    bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
                }
                let start = batch.labelBytes.count
                batch.labelBytes += bytes
                batch.entries.append(
                    SampleBatch.Entry(
                        labels: start..<batch.labelBytes.count,
                        samples: batch.timestamps.count..<(batch.timestamps.count + 1)
                    )
                )
                batch.timestamps.append(
                    harness.clock.now().milliseconds &+ Int64(bitPattern: random.next())
                        / (round % 2 == 0 ? 1 : 1 << 50)
                )
                batch.values.append(Double(bitPattern: random.next()))
            }
            refused += harness.store.append(batch).refused.values.reduce(0, +)
        }
        #expect(refused > 300)
        // Whatever was taken is a proper series.
        for series in try harness.select([]) {
            #expect(!series.labels.name.isEmpty)
            #expect(LabelSet(series.labels.labels) == series.labels)
        }
    }

    @Test func manyEncodingsOfOneSeriesStayOneSeries() throws {
        var random = SeededGenerator(seed: 5)
        let harness = StoreHarness(MetricStoreSettings(shards: 4, aliasesPerSeriesMax: 4))
        let labels: LabelSet = [
            "__name__": "m", "a": "1", "b": "2", "c": "3", "d": "4", "e1": "5", "f": "6",
        ]
        for step in 0..<200 {
            var batch = SampleBatch()
            batch.labelBytes = ModelEqualityTests.scrambled(labels, &random)
            batch.timestamps = [harness.clock.now().milliseconds + Int64(step)]
            batch.values = [Double(step)]
            batch.entries = [
                SampleBatch.Entry(labels: 0..<batch.labelBytes.count, samples: 0..<1)
            ]
            #expect(harness.store.append(batch).accepted == 1)
        }
        let found = try harness.select([])
        #expect(found.map(\.labels) == [labels])
        #expect(found.first?.samples.map(\.value) == (0..<200).map(Double.init))
        #expect(harness.store.statistics.series == 1)
    }

    @Test func churnGivesMemoryBack() throws {
        let harness = StoreHarness(
            MetricStoreSettings(shards: 2, retention: .seconds(600), futureSkewMax: .seconds(600))
        )
        var peaks: [Int] = []
        for round in 0..<4 {
            var batch = SampleBatch()
            for index in 0..<1500 {
                batch.append(
                    ["__name__": "m", "pod": "pod-\(round)-\(index)", "job": "churn"],
                    samples: (0..<300).map {
                        Sample(harness.clock.now() + .seconds($0), Double($0 * index))
                    }
                )
            }
            #expect(harness.store.append(batch).accepted == 450_000)
            peaks.append(harness.store.statistics.bytes)
            #expect(try harness.select([LabelMatcher("job", equals: "churn")]).count == 1500)
            harness.clock.advance(by: .seconds(1000))
            harness.store.expire()
            let statistics = harness.store.statistics
            #expect(statistics.series == 0)
            #expect(statistics.samples == 0)
            #expect(statistics.labelPairs == 0)
        }
        // After the first two rounds nothing grows any more.
        #expect((peaks.max() ?? 0) <= peaks[1] + (256 << 10), "\(peaks)")
        // What is left are tables, heads and a few pages to begin with.
        #expect(harness.store.statistics.bytes < 800 << 10)
    }
}
