import Model
import TestSupport
import Testing

@testable import MetricStore

/// Which samples of a run stay.
@Suite("Thinning to a sample a minute")
struct MinuteThinningTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        /// Seconds, value; `M` is a staleness marker.
        var samples: [(Int64, Double)]
        var detail: RetentionNeed.Detail = []
        var before: (Int64, Double)?
        var after: Double?
        /// Seconds.
        var kept: [Int64]
    }

    private static let M = Staleness.marker

    static let cases = [
        Case(
            testDescription: "the first of each minute",
            samples: (0..<10).map { ($0 * 15, Double($0)) },
            kept: [0, 60, 120]
        ),
        Case(
            testDescription: "all that are a minute apart, some seconds more or less",
            samples: [(1, 1), (59, 2), (118, 3), (180, 4), (239, 5)],
            kept: [1, 59, 118, 180, 239]
        ),
        Case(
            testDescription: "none of a minute whose first sample came before",
            samples: [(30, 1), (45, 2), (60, 3)],
            before: (15, 0),
            kept: [60]
        ),
        Case(
            testDescription: "markers and what follows them",
            samples: [(0, 1), (15, 2), (20, M), (25, M), (30, 3), (45, 4)],
            kept: [0, 20, 25, 30]
        ),
        Case(
            testDescription: "both sides of a reset, across a marker too",
            samples: [(0, 1), (10, 7), (20, 2), (30, 3), (40, 9), (45, M), (50, 4), (55, 5)],
            detail: .resets,
            kept: [0, 10, 20, 40, 45, 50]
        ),
        Case(
            testDescription: "the two sides of a reset where runs meet",
            samples: [(30, 2), (40, 3), (50, 6)],
            detail: .resets,
            before: (15, 5),
            after: 1,
            kept: [30, 50]
        ),
        Case(
            testDescription: "what is NaN, which hides a reset",
            samples: [(0, 5), (10, 6), (20, .nan), (30, 3), (40, 4)],
            detail: .resets,
            kept: [0, 20]
        ),
        Case(
            testDescription: "the least and the greatest of each minute",
            samples: [(0, 5), (10, 1), (20, 9), (30, 9), (60, 2), (70, .nan), (80, 2), (90, 1)],
            detail: .extremes,
            kept: [0, 10, 20, 60, 90]
        ),
        Case(
            testDescription: "gauges without detail: nothing of a fall",
            samples: [(0, 5), (10, 1), (20, 9)],
            kept: [0]
        ),
    ]

    private func thin(_ columns: borrowing SampleColumns, _ one: Case, _ count: Int) -> Int {
        MinuteThinning(
            detail: one.detail,
            before: one.before.map { ($0.0 * 1000, $0.1.bitPattern) },
            after: one.after?.bitPattern
        ).apply(columns, at: 3, count: count)
    }

    @Test("keeps", arguments: cases)
    func keeps(_ one: Case) {
        let columns = SampleColumns(capacity: 100)
        for (index, sample) in one.samples.enumerated() {
            columns[3 + index] = (sample.0 * 1000, sample.1.bitPattern)
        }
        let count = thin(columns, one, one.samples.count)
        #expect((0..<count).map { columns[3 + $0].time / 1000 } == one.kept)
        #expect(thin(columns, one, count) == count, "thinning again changes nothing")
    }

    @Test func keepsTheNewestOfASeries() {
        let columns = SampleColumns(capacity: 10)
        for index in 0..<4 { columns[index] = (Int64(index) * 10_000, 0) }
        #expect(MinuteThinning(detail: [], isNewest: true).apply(columns, at: 0, count: 4) == 2)
        #expect(columns[1].time == 30_000)
    }
}
