import Synchronization
import Timekeeping

/// Remembers the statistics that rules read and no metric stream brings, to tell of them.
final class StreamNotices: Sendable {
    private struct State {
        /// When each was last found missing.
        var missing: [String: Timestamp] = [:]
        var text = ""
    }

    /// Statistics that are remembered.
    static let countMax = 100
    /// What was not found missing for this long is not missing any more.
    static let shown = Duration.seconds(900)

    private let state = Mutex(State())

    /// Takes what a request told.
    ///
    /// - Returns: The text to show from now on, empty for nothing; nil when it is what it was.
    func changed(_ contents: FirehoseContents, at now: Timestamp) -> String? {
        state.withLock { state in
            for name in contents.missing
            where state.missing[name] != nil || state.missing.count < Self.countMax {
                state.missing[name] = now
            }
            for name in contents.present { state.missing[name] = nil }
            state.missing = state.missing.filter { now - $0.value <= Self.shown }
            let text = StreamNotices.text(state.missing.keys.sorted())
            guard text != state.text else { return nil }
            state.text = text
            return text
        }
    }

    private static func text(_ missing: [String]) -> String {
        guard let first = missing.first else { return "" }
        let more = missing.count > 1 ? " (and \(missing.count - 1) more)" : ""
        return "rules read \(first)\(more), which the metric stream does not bring; add it to the "
            + "stream's additional statistics, or pull it (sources.cloudwatch)"
    }
}
