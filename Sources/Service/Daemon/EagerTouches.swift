import Ingest
import Model
import RuleEvaluation
import Timekeeping

/// Lets samples into the store and tells the rules which metrics they touch, so that eager groups need not wait for
/// their slot.
///
/// Stands between the door and the store, where the series of log metrics pass too. Costs one load of a flag a batch
/// while no group is eager.
struct EagerTouches: SampleTaking {
    let store: any SampleTaking
    let engine: RuleEngine
    let clock: any WallClock

    var isOverloaded: Bool { store.isOverloaded }

    /// Takes a source's batch; rules are judged at its newest timestamp.
    func tryAppend(_ batch: SampleBatch) -> AppendResult? {
        let result = store.tryAppend(batch)
        if engine.wantsTouches, let result, result.accepted > 0,
            let newest = batch.timestamps.max()
        {
            engine.touched(
                metricNames: batch.metricNames,
                newest: Timestamp(milliseconds: newest)
            )
        }
        return result
    }

    /// Takes counts of log records; rules are judged now, because a count is revised under the timestamp it had.
    func append(_ batch: SampleBatch) -> AppendResult {
        let result = store.append(batch)
        if engine.wantsTouches, result.accepted > 0 {
            engine.touched(metricNames: batch.metricNames, newest: clock.now())
        }
        return result
    }
}
