import Model
import Timekeeping

/// Samples that rules have made, gathered until a rule needs to read them.
///
/// An append waits for the store's threads; with one a rule, ten thousand rules would mostly wait.
struct AppendBuffer {
    private let appender: any SampleAppending
    /// Is told of what is written.
    private let cycle: any EvaluationCycle
    private let samplesMax: Int
    private var batch = SampleBatch()
    private var names: Set<String> = []
    /// Samples that the store refused so far, and the first refusal's words.
    private(set) var refused = 0
    private(set) var firstRefusal: String?

    init(_ appender: any SampleAppending, _ cycle: any EvaluationCycle, samplesMax: Int) {
        self.appender = appender
        self.cycle = cycle
        self.samplesMax = samplesMax
    }

    mutating func append(_ labels: LabelSet, _ value: Double, at time: Timestamp) {
        batch.append(labels, samples: CollectionOfOne(Sample(time, value)))
        names.insert(labels.name)
        if batch.sampleCount >= samplesMax { flush() }
    }

    /// Writes what a reader of these metrics (nil: of any) must see.
    mutating func flush(before metricNames: Set<String>?) {
        guard !names.isEmpty else { return }
        if let metricNames, names.isDisjoint(with: metricNames) { return }
        flush()
    }

    mutating func flush() {
        guard batch.sampleCount > 0 else { return }
        let result = appender.append(batch)
        refused += result.refused.values.reduce(0, +)
        firstRefusal = firstRefusal ?? result.firstRefusal
        batch = SampleBatch()
        cycle.wrote(names)
        names.removeAll(keepingCapacity: true)
    }
}
