import Foundation
import MetricStore
import Model
import TestSupport
import Testing
import Timekeeping

/// The store against an array model, under random operations.
@Suite("Metric store equals array model")
struct ModelEqualityTests {
    /// Labels as bytes, in any order, with padding that protobuf allows.
    static func scrambled(_ labels: LabelSet, _ random: inout SeededGenerator) -> [UInt8] {
        var bytes: [UInt8] = []
        for label in labels.labels.shuffled(using: &random) {
            var message: [UInt8] = []
            func field(_ tag: UInt8, _ text: String) {
                message += [tag, UInt8(text.utf8.count & 0x7f) | 0x80, UInt8(text.utf8.count >> 7)]
                message += Array(text.utf8)
            }
            if Bool.random(using: &random) {
                field(0x0a, label.name)
                field(0x12, label.value)
            } else {
                field(0x12, label.value)
                message += [0x18, 0x07]
                field(0x0a, label.name)
            }
            bytes +=
                [0x0a, UInt8(message.count & 0x7f) | 0x80, UInt8(message.count >> 7)] + message
        }
        // An empty value is no label.
        bytes += [0x0a, 5, 0x0a, 1, UInt8(ascii: "e"), 0x12, 0]
        return bytes
    }

    /// A start timestamp, 0 for none; every other series has none at all, the others' are of several kinds.
    private static func randomStart(
        _ index: Int,
        _ time: Int64,
        _ random: inout SeededGenerator
    ) -> Int64 {
        guard index % 2 == 1 else { return 0 }
        switch Int.random(in: 0..<12, using: &random) {
        case 0: return 0
        case 1: return time
        case 2: return time + Int64.random(in: 1..<20_000, using: &random)
        case 3: return time - Int64.random(in: 1..<40_000, using: &random)
        default:
            // Deltas, and counters that begin anew now and then.
            return index % 4 == 1 ? time - 15_000 : time / 400_000 * 400_000 - 1
        }
    }

    static func randomBatch(
        _ series: [LabelSet],
        now: Int64,
        newest: inout [Int64],
        _ random: inout SeededGenerator
    ) -> SampleBatch {
        let policy: SampleBatch.LatePolicy =
            Int.random(in: 0..<3, using: &random) == 0
            ? .upsert(window: .seconds(Int64.random(in: 0..<3000, using: &random))) : .reject
        var batch = SampleBatch(latePolicy: policy)
        let hasStarts = Int.random(in: 0..<3, using: &random) > 0
        // Within one batch a series keeps one encoding: several would be taken in any order.
        var encodings: [Int: [UInt8]] = [:]
        for _ in 0..<Int.random(in: 1..<40, using: &random) {
            let index = Int.random(in: 0..<series.count, using: &random)
            var samples: [Sample] = []
            var starts: [Int64] = []
            for _ in 0..<Int.random(in: 0..<5, using: &random) {
                var time = newest[index]
                switch Int.random(in: 0..<20, using: &random) {
                case 0: break
                case 1: time -= Int64.random(in: 0..<4_000_000, using: &random)
                case 2: time -= 15_000 * Int64.random(in: 0..<60, using: &random)
                case 3: time += Int64.random(in: 0..<2_000_000, using: &random)
                default: time += 15_000 + Int64.random(in: 0..<3, using: &random)
                }
                let value: Double =
                    switch index % 4 {
                    case 0: Double(time / 15_000 % 50)
                    case 1: Double(Int.random(in: 0..<1000, using: &random)) / 100
                    case 2: Double.random(in: 0..<1, using: &random)
                    default:
                        Int.random(in: 0..<9, using: &random) == 0 ? Staleness.marker : Double(time)
                    }
                samples.append(Sample(Timestamp(milliseconds: time), value))
                starts.append(randomStart(index, time, &random))
                if time < now + 600_000 { newest[index] = max(newest[index], time) }
            }
            batch.append(series[index], samples: samples)
            if hasStarts {
                batch.starts += repeatElement(
                    0,
                    count: batch.sampleCount - starts.count - batch.starts.count
                )
                batch.starts += starts
            }
            let labels = batch.entries[batch.entries.count - 1].labels
            if encodings[index] == nil {
                encodings[index] =
                    Int.random(in: 0..<4, using: &random) == 0
                    ? scrambled(series[index], &random) : Array(batch.labelBytes[labels])
            }
            batch.labelBytes.replaceSubrange(labels, with: encodings[index] ?? [])
            batch.entries[batch.entries.count - 1].labels =
                labels.lowerBound..<batch.labelBytes.count
        }
        return batch
    }

    @Test("random operations", arguments: 1...15 as ClosedRange<UInt64>)
    func randomOperations(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let settings = MetricStoreSettings(
            shards: [1, 2, 5][Int(seed % 3)],
            retention: .seconds(5400),
            aliasesPerSeriesMax: 3,
            startRunsMax: 1 << 20
        )
        let harness = StoreHarness(settings)
        var model = ArrayModel(settings: settings)
        let series: [LabelSet] = (0..<25).map {
            ["__name__": "m\($0 % 3)", "a": "\($0 % 7)", "b": "\($0)", "c": $0 % 2 == 0 ? "x" : ""]
        }
        var newest = [Int64](repeating: harness.clock.now().milliseconds - 600_000, count: 25)
        for step in 0..<200 {
            let now = harness.clock.now()
            let batch = ModelEqualityTests.randomBatch(
                series,
                now: now.milliseconds,
                newest: &newest,
                &random
            )
            let result = harness.store.append(batch)
            let expected = model.append(batch, now: now)
            try #require(result.accepted == expected.accepted, "step \(step)")
            try #require(result.revised == expected.revised, "step \(step)")
            try #require(result.duplicates == expected.duplicates, "step \(step)")
            try #require(result.refused == expected.refused, "step \(step)")
            if step % 10 == 0 {
                let start = newest[0] - Int64.random(in: 0..<6_000_000, using: &random)
                let selection = SeriesSelection(
                    matchers: [LabelMatcher("__name__", equals: "m\(step / 10 % 3)")],
                    range: TimeRange(
                        after: Timestamp(milliseconds: start),
                        through: Timestamp(
                            milliseconds: start + Int64.random(in: 0..<6_000_000, using: &random)
                        )
                    )
                )
                let found = try harness.store.select(selection, sampleLimit: .max)
                let wanted = try model.select(selection, now: now, sampleLimit: .max)
                let isSame = same(found, wanted)
                try #require(isSame, "step \(step)")
                let sets = try harness.store.labelSets(selection)
                #expect(sets == wanted.map(\.labels), "step \(step)")
                for matchers in [selection.matchers, []] {
                    let asked = SeriesSelection(matchers: matchers, range: selection.range)
                    let labels = try model.select(asked, now: now, sampleLimit: .max)
                        .flatMap(\.labels.labels)
                    let names = Set(labels.map(\.name)).sorted()
                    #expect(try harness.store.labelNames(asked) == names, "step \(step)")
                    for name in ["a", "b", "none"] {
                        let values = Set(labels.filter { $0.name == name }.map(\.value)).sorted()
                        #expect(
                            try harness.store.labelValues(name, asked) == values,
                            "step \(step)"
                        )
                    }
                }
            }
            if step % 50 == 49 {
                harness.store.expire()
                model.expire(now: now)
                #expect(harness.store.statistics.series == model.seriesCount, "step \(step)")
            }
            harness.clock.advance(
                by: .seconds(Int64.random(in: 0..<(step % 97 == 96 ? 9000 : 60), using: &random))
            )
            if step % 97 == 96 {
                for index in newest.indices {
                    newest[index] = harness.clock.now().milliseconds - 300_000
                }
            }
        }
        let all = try harness.select([])
        let wanted = try model.select(
            SeriesSelection(
                matchers: [],
                range: TimeRange(after: .distantPast, through: .distantFuture)
            ),
            now: harness.clock.now(),
            sampleLimit: .max
        )
        let isSame = same(all, wanted)
        #expect(isSame)
    }

    @Test func severalShardsEqualOne() throws {
        for seed in 1...4 as ClosedRange<UInt64> {
            var answers: [[SeriesSamples]] = []
            for shards in [1, 2, 3, 7, 16] {
                var random = SeededGenerator(seed: seed)
                let harness = StoreHarness(MetricStoreSettings(shards: shards))
                let series: [LabelSet] = (0..<60).map { ["__name__": "m\($0 % 5)", "i": "\($0)"] }
                var newest = [Int64](
                    repeating: harness.clock.now().milliseconds - 3_600_000,
                    count: 60
                )
                for _ in 0..<80 {
                    _ = harness.store.append(
                        ModelEqualityTests.randomBatch(
                            series,
                            now: harness.clock.now().milliseconds,
                            newest: &newest,
                            &random
                        )
                    )
                }
                answers.append(try harness.select([LabelMatcher("i", .matches, "[0-4]?.")]))
                #expect(harness.store.statistics.series == 60)
            }
            #expect(answers[0].count > 40)
            for answer in answers.dropFirst() {
                let isSame = same(answer, answers[0])
                #expect(isSame, "seed \(seed)")
            }
        }
    }

    @Test func gapsCanBeFilledLater() throws {
        for seed in 1...3 as ClosedRange<UInt64> {
            var random = SeededGenerator(seed: seed)
            let harness = StoreHarness(MetricStoreSettings(shards: 1))
            let now = harness.clock.now().milliseconds
            // Every sixth sample in order, then all others in any order: chunks fill up and are cut in two.
            let times = (0..<1200).map { now - Int64(1200 - $0) * 10_000 }
            let late = times.indices.filter { $0 % 6 != 0 && $0 < 1194 }.shuffled(using: &random)
            for index in times.indices where index % 6 == 0 {
                #expect(
                    harness.append(["__name__": "m"], [(times[index] - now, Double(index))])
                        .accepted
                        == 1
                )
            }
            for start in stride(from: 0, to: late.count, by: 50) {
                let part = late[start..<min(start + 50, late.count)]
                let result = harness.append(
                    ["__name__": "m"],
                    part.map { (times[$0] - now, Double($0)) },
                    policy: .upsert(window: .seconds(20_000))
                )
                #expect(result.accepted == part.count)
            }
            let samples = try harness.samples("m")
            #expect(samples.map(\.1) == (0..<1195).map(Double.init))
            #expect(samples.map(\.0) == times.prefix(1195).map { $0 - now })
            #expect(harness.store.statistics.samples == 1195)
        }
    }

    @Test func realCloudWatchSeriesComeBack() throws {
        let folder = URL(filePath: #filePath)
            .appending(path: "../../../../../shared/data/cloudwatch").standardizedFileURL
        guard
            let files = try? FileManager.default.contentsOfDirectory(
                at: folder,
                includingPropertiesForKeys: nil
            )
        else {
            print("skipped: no real series at \(folder.path)")
            return
        }
        for file in files where file.pathExtension == "csv" {
            let series = try RealSeries(csv: file)
            let expected = series.lastOfEachTime
            guard let last = expected.last else { continue }
            // 62 days of data pass what a ring's time offsets can hold.
            let harness = StoreHarness(MetricStoreSettings(retention: .seconds(100 * 86400)))
            harness.clock.set(Timestamp(milliseconds: last.0))
            for start in stride(from: 0, to: series.samples.count, by: 67) {
                var batch = SampleBatch(latePolicy: .upsert(window: .seconds(7200)))
                batch.append(
                    ["__name__": "real"],
                    samples: series.samples[start..<min(start + 67, series.samples.count)].map {
                        Sample(Timestamp(milliseconds: $0.0), $0.1)
                    }
                )
                #expect(harness.store.append(batch).refused.isEmpty)
            }
            let found = try harness.select([LabelMatcher("__name__", equals: "real")])
            #expect(found.count == 1)
            let samples = found.first?.samples ?? []
            #expect(samples.count == expected.count, "\(file.lastPathComponent)")
            #expect(
                zip(samples, expected).allSatisfy {
                    $0.timestamp.milliseconds == $1.0 && $0.value.bitPattern == $1.1.bitPattern
                },
                "\(file.lastPathComponent)"
            )
        }
    }
}
