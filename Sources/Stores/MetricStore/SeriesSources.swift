import Synchronization

/// How many of the series that are held each source has made, against the limit of one source.
///
/// Shared by the shards; looked at when a batch comes and when a series comes or goes.
final class SeriesSources: Sendable {
    private struct State {
        var numbers: [String: UInt16] = [:]
        /// By number.
        var series = [0, 0]
        var free: [UInt16] = []
    }

    /// The number of batches that name no source: not counted.
    static let nobody: UInt16 = 0
    /// The number that all sources share for which there is none of their own.
    private static let others: UInt16 = 1
    private static let sourcesMax = 4096

    private let seriesMax: Int
    private let state = Mutex(State())

    init(seriesMax: Int) {
        self.seriesMax = seriesMax
    }

    /// The number of a source.
    func number(of source: String?) -> UInt16 {
        guard let source, seriesMax < .max else { return SeriesSources.nobody }
        return state.withLock { state in
            if let known = state.numbers[source] { return known }
            if state.numbers.count >= SeriesSources.sourcesMax { forgetEmpty(&state) }
            guard state.numbers.count < SeriesSources.sourcesMax else {
                return SeriesSources.others
            }
            let number = state.free.popLast() ?? UInt16(state.series.count)
            if Int(number) == state.series.count { state.series.append(0) }
            state.numbers[source] = number
            return number
        }
    }

    /// Takes a place for one more series of a source; false when the limit is reached.
    func take(_ number: UInt16) -> Bool {
        guard number != SeriesSources.nobody else { return true }
        return state.withLock { state in
            guard state.series[Int(number)] < seriesMax else { return false }
            state.series[Int(number)] += 1
            return true
        }
    }

    /// Gives a place back.
    func give(_ number: UInt16) {
        guard number != SeriesSources.nobody else { return }
        state.withLock { $0.series[Int(number)] -= 1 }
    }

    private func forgetEmpty(_ state: inout State) {
        for (name, number) in state.numbers where state.series[Int(number)] == 0 {
            state.numbers[name] = nil
            state.free.append(number)
        }
    }
}
