import Foundation
import TestSupport
import Testing

@testable import MetricStore

@Suite("Chunk codec")
struct ChunkCodecTests {
    /// Packs and unpacks, and returns the bytes used; every bit must come back.
    func roundTrip(
        _ times: [Int64],
        _ values: [Double],
        exponent: inout UInt8,
        _ comment: Comment,
        sourceLocation: SourceLocation = #_sourceLocation
    ) -> Int {
        let encoder = ChunkEncoder()
        let columns = SampleColumns(capacity: ChunkLayout.countMax)
        for (index, (time, value)) in zip(times, values).enumerated() {
            columns[index] = (time, value.bitPattern)
        }
        let length = encoder.encode(columns, from: 0, count: times.count, exponent: &exponent)
        #expect(length + ChunkLayout.tailBytes <= ChunkLayout.bytesMax, comment)
        // Exactly as long as a chunk and its tail, with foreign bytes in the tail.
        let copy = UnsafeMutableRawPointer.allocate(
            byteCount: length + ChunkLayout.tailBytes,
            alignment: 16
        )
        defer { unsafe copy.deallocate() }
        unsafe copy.initializeMemory(
            as: UInt8.self,
            repeating: 0xa5,
            count: length + ChunkLayout.tailBytes
        )
        unsafe copy.copyMemory(from: encoder.output, byteCount: length)
        let decoded = SampleColumns(capacity: ChunkLayout.countMax)
        let count = unsafe ChunkDecoder.decode(copy, into: decoded, at: 0)
        #expect(count == times.count, comment)
        for index in times.indices {
            #expect(
                decoded[index].time == times[index],
                comment,
                sourceLocation: sourceLocation
            )
            #expect(
                decoded[index].bits == values[index].bitPattern,
                comment,
                sourceLocation: sourceLocation
            )
        }
        for index in times.indices {
            let one = unsafe (ChunkDecoder.time(copy, index), ChunkDecoder.bits(copy, index))
            #expect(one == (times[index], values[index].bitPattern), comment)
            let (before, through) = unsafe (
                ChunkDecoder.count(copy, through: times[index] &- 1),
                ChunkDecoder.count(copy, through: times[index])
            )
            #expect(through == index + 1, comment)
            if times[index] > .min { #expect(before == index, comment) }
        }
        let ends = unsafe (ChunkDecoder.firstTime(copy), ChunkDecoder.lastTime(copy))
        #expect(ends == (times[0], times[times.count - 1]), comment)
        return length
    }

    struct Shape: CustomTestStringConvertible, Sendable {
        var testDescription: String
        /// Bytes per sample at most, for chunks of 32.
        var bytesMax: Double
        var value: @Sendable (Int, inout SeededGenerator) -> Double
    }

    static let shapes = [
        Shape(testDescription: "constant", bytesMax: 1.3) { _, _ in 42 },
        Shape(testDescription: "integer counter", bytesMax: 2.5) { index, random in
            Double(index * 100 + Int.random(in: 0..<60, using: &random))
        },
        Shape(testDescription: "idle counter", bytesMax: 1.5) { index, _ in Double(index / 20) },
        Shape(testDescription: "cpu seconds in hundredths", bytesMax: 2.8) { index, random in
            Double(index * 300 + Int.random(in: 0..<300, using: &random)) / 100
        },
        Shape(testDescription: "percentages with float noise", bytesMax: 4) { _, random in
            Double(Int.random(in: 0..<100_000, using: &random)) * 0.001
        },
        Shape(testDescription: "memory in pages", bytesMax: 3.2) { _, random in
            2e8 + Double(Int.random(in: 0..<65536, using: &random)) * 4096
        },
        Shape(testDescription: "any bits at all", bytesMax: 9.5) { _, random in
            Double(bitPattern: random.next())
        },
        Shape(testDescription: "full mantissas", bytesMax: 8.5) { _, random in
            Double.random(in: 0..<1, using: &random)
        },
        Shape(testDescription: "special values", bytesMax: 9.5) { _, random in
            [
                0, -0.0, .nan, .infinity, -.infinity, .leastNonzeroMagnitude,
                .greatestFiniteMagnitude, -1.5, 1e15, 4e15,
            ]
            .randomElement(using: &random) ?? 0
        },
    ]

    @Test("value shapes come back bit for bit", arguments: shapes)
    func shape(_ shape: Shape) {
        var random = SeededGenerator(seed: 7)
        var bytes = 0
        var samples = 0
        var exponent: UInt8 = 0
        for round in 0..<40 {
            let times = (0..<32).map { index in
                1_700_000_000_000 + Int64(round * 480_000 + index * 15_000)
                    + Int64.random(in: 0..<3, using: &random)
            }
            let values = (0..<32).map { shape.value(round * 32 + $0, &random) }
            bytes += roundTrip(times, values, exponent: &exponent, "round \(round)")
            samples += 32
        }
        #expect(Double(bytes) / Double(samples) <= shape.bytesMax)
    }

    @Test func everyLengthAndAnyTimesComeBack() {
        for seed in 1...300 as ClosedRange<UInt64> {
            var random = SeededGenerator(seed: seed)
            let count = Int.random(in: 1...ChunkLayout.countMax, using: &random)
            var time: Int64 =
                switch seed % 5 {
                case 0: .min
                case 1: Int64(bitPattern: random.next()) / 2
                default: 1_700_000_000_000
                }
            var times: [Int64] = []
            for _ in 0..<count {
                times.append(time)
                let step: Int64 =
                    switch seed % 4 {
                    case 0:
                        Int64(
                            bitPattern: random.next() >> UInt64.random(in: 10..<64, using: &random)
                        )
                    case 1: Int64.random(in: 1...5_000_000_000_000, using: &random)
                    case 2: 60_000
                    default: Int64.random(in: 1...100_000, using: &random)
                    }
                time = time.addingReportingOverflow(max(1, step)).partialValue
            }
            // Only increasing times are ever sealed.
            guard zip(times, times.dropFirst()).allSatisfy({ $0 < $1 }) else { continue }
            let shape = ChunkCodecTests.shapes[Int(seed) % ChunkCodecTests.shapes.count]
            let values = (0..<count).map { shape.value($0, &random) }
            var exponent = UInt8.random(in: 0...9, using: &random)
            _ = roundTrip(times, values, exponent: &exponent, "seed \(seed)")
        }
    }

    @Test func realCloudWatchSeriesComeBackBitForBit() throws {
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
        for file in files.sorted(by: { $0.path < $1.path }) where file.pathExtension == "csv" {
            let series = try RealSeries(csv: file)
            var bytes = 0
            var exponent: UInt8 = 0
            var samples = 0
            // Only increasing times are ever sealed; one file holds a run of equal ones.
            let unique = series.lastOfEachTime
            for start in stride(from: 0, to: unique.count, by: 32) {
                let part = unique[start..<min(start + 32, unique.count)]
                bytes += roundTrip(
                    part.map(\.0),
                    part.map(\.1),
                    exponent: &exponent,
                    "\(file.lastPathComponent) at \(start)"
                )
                samples += part.count
            }
            let mean = Double(bytes) / Double(samples)
            print("\(file.lastPathComponent): \((mean * 100).rounded() / 100) bytes a sample")
            #expect(mean < 8)
        }
    }
}
