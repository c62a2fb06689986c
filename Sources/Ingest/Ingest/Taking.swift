import LogStore
import MetricStore
package import Model

/// What admission needs of the metric store.
package protocol SampleTaking: SampleAppending {
    /// True when so much waits already that `tryAppend` would turn a batch away.
    var isOverloaded: Bool { get }

    /// Takes a batch; nil, with nothing of it taken, when too much waits already.
    func tryAppend(_ batch: SampleBatch) -> AppendResult?
}

/// What admission needs of the log store.
package protocol RecordTaking: Sendable {
    /// Puts the records into their rings; old ones make room.
    func append(_ records: [LogRecord])
}

/// Judges log records as they are admitted.
package protocol RecordJudging: Sendable {
    /// Judges records that are complete; what they raise is on disk when it returns.
    func judge(_ records: [LogRecord])

    /// The same for records of a pulled source: until the source is read further, their silence is not judged.
    func judge(_ records: [LogRecord], from source: String)

    /// Judges what time alone brings; called every second.
    func tick()
}

extension RecordJudging {
    /// Takes them as any others.
    package func judge(_ records: [LogRecord], from source: String) { judge(records) }
}

extension MetricStore: SampleTaking {}

extension LogStore: RecordTaking {}
