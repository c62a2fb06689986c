import Model
import TestSupport
import Testing

/// Runs of start timestamps against one a sample.
@Suite struct StartTimesTests {
    @Test(arguments: 1...20 as ClosedRange<UInt64>) func equalOneASample(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var runs = StartTimes()
        var plain: [Int64: Int64] = [:]
        var newest: Int64 = 1000
        for _ in 0..<400 {
            let isLate = Int.random(in: 0..<4, using: &random) == 0
            let time =
                isLate
                ? Int64.random(in: newest - 60...newest, using: &random)
                : newest + Int64.random(in: 1..<5, using: &random)
            newest = max(newest, time)
            let start = Int64.random(in: 0..<4, using: &random) * 10
            plain[time] = start
            if let changes = runs.changes(time: time, start: start, isNewest: time >= newest) {
                runs.apply(changes.first)
                if let second = changes.second { runs.apply(second) }
            }
            #expect(plain.allSatisfy { runs[$0.key] == $0.value })
            let isSorted = zip(runs.runs, runs.runs.dropFirst()).allSatisfy { $0.from < $1.from }
            #expect(isSorted)
        }
        let times = plain.keys.sorted()
        var cursor = StartTimes.Cursor(runs)
        #expect(times.allSatisfy { cursor.start(at: $0) == plain[$0] })
        let again = StartTimes(times.map { (time: $0, start: plain[$0] ?? 0) })
        #expect(times.allSatisfy { again[$0] == plain[$0] })
        #expect(again.runs.count <= runs.runs.count)
        if let first = runs.single(from: times[times.count - 20]) {
            #expect(times.suffix(20).allSatisfy { plain[$0] == first })
        }
        var later = runs
        later.drop(before: times[200])
        #expect(times[201...].allSatisfy { later[$0] == plain[$0] })
        var few = runs
        let isCut = few.keep(countMax: 5)
        #expect(isCut)
        #expect(few.runs == Array(runs.runs.suffix(5)))
        #expect(few[times[0]] == 0)
    }

    @Test func aSteadyStartIsOneRun() {
        var runs = StartTimes()
        for time in 1...100 as ClosedRange<Int64> {
            if let changes = runs.changes(time: time, start: 7, isNewest: true) {
                runs.apply(changes.first)
            }
        }
        #expect(runs.runs == [StartTimes.Run(from: 1, start: 7)])
        #expect(StartTimes([(time: 1, start: 0), (time: 2, start: 0)]).isEmpty)
    }

    struct Pair: CustomTestStringConvertible {
        var testDescription: String
        var previousStart: Int64
        var start: Int64
        var isReset: Bool
        var overlaps = false
    }

    /// Neighbours at 100 and 200.
    static let pairs = [
        Pair(testDescription: "no starts", previousStart: 0, start: 0, isReset: false),
        Pair(testDescription: "the same start", previousStart: 50, start: 50, isReset: false),
        Pair(testDescription: "a start between", previousStart: 50, start: 150, isReset: true),
        Pair(
            testDescription: "a start between, first",
            previousStart: 0,
            start: 150,
            isReset: true
        ),
        Pair(testDescription: "deltas", previousStart: 50, start: 100, isReset: true),
        Pair(testDescription: "unknown before", previousStart: 0, start: 100, isReset: false),
        Pair(testDescription: "own time before", previousStart: 100, start: 100, isReset: false),
        Pair(testDescription: "ahead before", previousStart: 130, start: 100, isReset: false),
        Pair(testDescription: "own time", previousStart: 50, start: 200, isReset: false),
        Pair(testDescription: "ahead of its time", previousStart: 50, start: 210, isReset: false),
        Pair(
            testDescription: "an earlier start",
            previousStart: 50,
            start: 40,
            isReset: false,
            overlaps: true
        ),
        Pair(
            testDescription: "a start before an unknown one",
            previousStart: 0,
            start: 40,
            isReset: false,
            overlaps: true
        ),
    ]

    @Test(arguments: pairs) func neighbours(_ pair: Pair) {
        let isReset = StartTime.isReset(
            previousStart: pair.previousStart,
            previousTime: 100,
            start: pair.start,
            time: 200
        )
        #expect(isReset == pair.isReset)
        let overlaps = StartTime.overlaps(
            previousStart: pair.previousStart,
            previousTime: 100,
            start: pair.start
        )
        #expect(overlaps == pair.overlaps)
    }
}
