import Buffers
import Model
import Synchronization

/// A question to all shards, and their answers so far.
final class ReadWork: Sendable {
    enum Question: Hashable, Sendable {
        case samples
        case labelSets
        case labelNames
        case labelValues(String)
        case statistics
        /// Drop what is out of retention now.
        case expire
    }

    /// What one shard says.
    enum Answer: Sendable {
        case series([SeriesSamples])
        case labelSets([LabelSet])
        /// Each text once.
        case texts([String])
        case statistics(ShardStatistics)
    }

    private struct Answers {
        var remaining: Int
        var parts: [Answer?]
    }

    let question: Question
    let selector: SelectorReference
    /// `(start, end]` in ms.
    let start: Int64
    let end: Int64
    /// Samples at or before this are out of retention, unless a rule needs them.
    let oldest: Int64
    private let sampleLimit: Int
    private let samplesRead = Atomic<Int>(0)
    private let answers: Monitor<Answers>

    init(
        _ question: Question,
        selector: SelectorReference = SelectorReference(id: 0, matchers: []),
        start: Int64 = 0,
        end: Int64 = 0,
        oldest: Int64 = 0,
        sampleLimit: Int = .max,
        shards: Int
    ) {
        self.question = question
        self.selector = selector
        self.start = start
        self.end = end
        self.oldest = oldest
        self.sampleLimit = sampleLimit
        answers = Monitor(Answers(remaining: shards, parts: Array(repeating: nil, count: shards)))
    }

    /// Counts samples that were read; false when all shards together have read more than they may.
    func count(_ samples: Int) -> Bool {
        samplesRead.wrappingAdd(samples, ordering: .relaxed).newValue <= sampleLimit
    }

    var isOverLimit: Bool { samplesRead.load(ordering: .relaxed) > sampleLimit }

    func finish(_ answer: Answer, shard: Int) {
        answers.signal {
            $0.parts[shard] = answer
            $0.remaining -= 1
        }
    }

    /// Blocks until every shard has answered; their answers in order of shards.
    func wait() throws(SeriesReadingError) -> [Answer] {
        let parts = answers.wait { $0.remaining == 0 ? $0.parts.compactMap(\.self) : nil }
        guard !isOverLimit else { throw .sampleLimit(sampleLimit) }
        return parts
    }
}

/// What one shard holds.
struct ShardStatistics: Sendable {
    var samples: Int
    var evictedSamples: Int
    var longWindows: LongWindowStatistics
    /// Each once.
    var labelNames: [String]
    var labelPairs: Int
    /// Series by metric name, of the metrics with the most.
    var metrics: [ByteText: Int]
}
