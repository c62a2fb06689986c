import Model
import Timekeeping

/// Refusals in words: what, where, how to mend.
enum RefusalText {
    /// Why one sample was refused.
    static func sample(
        _ cause: RefusalCause,
        series: String,
        time: Int64,
        settings: MetricStoreSettings
    ) -> String {
        let sample = "sample of \(series) at \(Timestamp(milliseconds: time).rfc3339)"
        switch cause {
        case .outOfOrder:
            return
                "\(sample) is older than the series' newest; send a series' samples in time order"
        case .duplicateTimestamp:
            return "\(sample) has another value already; two senders may write one series: "
                + "give each a label of its own"
        case .tooOld:
            return "\(sample) is older than what is kept "
                + "(\(settings.retention.prometheusText), store.retention) or may be revised; "
                + "check the sender's clock"
        case .tooFarInFuture:
            return "\(sample) is more than \(settings.futureSkewMax.prometheusText) ahead of this "
                + "machine's clock; check both clocks"
        case .memoryLimit:
            return "\(sample) finds no memory (limit \(settings.maxMemoryBytes) bytes, "
                + "store.max_memory); raise the limit or drop series"
        case .seriesLimit, .labelLimit, .invalidLabels, .stopping, .notStored:
            return "\(sample) is refused"
        }
    }
}
