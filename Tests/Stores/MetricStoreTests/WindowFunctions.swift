import Model
import Timekeeping

/// Functions over windows, as plainly as can be.
enum WindowFunctions {
    /// Every bit of every sample and of the window counts.
    static let digest = WindowFunction { samples, window in
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func mix(_ word: UInt64) { hash = (hash ^ word) &* 0x0000_0100_0000_01b3 }
        for index in samples.indices {
            mix(UInt64(bitPattern: samples[index].timestamp.milliseconds))
            mix(samples[index].value.bitPattern)
        }
        mix(UInt64(bitPattern: window.start))
        mix(UInt64(bitPattern: window.end))
        mix(UInt64(window.step))
        for index in samples.indices {
            let start = window.starts?[samples[index].timestamp.milliseconds] ?? 0
            mix(UInt64(bitPattern: start))
        }
        return Double(hash >> 12)
    }

    static let count = WindowFunction { samples, _ in Double(samples.count) }

    static let newest = WindowFunction(.newest) { samples, _ in samples[samples.count - 1].value }

    static let newestTime = WindowFunction(.newestTime) { samples, _ in
        samples[samples.count - 1].timestamp.seconds
    }

    static let newestStart = WindowFunction(.newestStart) { samples, window in
        Double(window.starts?[samples[samples.count - 1].timestamp.milliseconds] ?? 0) / 1000
    }

    static let rate = extrapolated(isCounter: true, isRate: true)
    static let increase = extrapolated(isCounter: true, isRate: false)
    static let delta = extrapolated(isCounter: false, isRate: false)

    static let all = [digest, count, newest, newestTime, newestStart, rate, increase, delta]

    private static func extrapolated(isCounter: Bool, isRate: Bool) -> WindowFunction {
        var function = WindowFunction(.extrapolated(isCounter: isCounter, isRate: isRate)) {
            samples,
            window in
            let count = samples.count
            let firstStart = start(samples[0], window)
            guard
                count > 1
                    || isCounter
                        && ExtrapolatedRate.countsFromStart(
                            samples[0],
                            firstStart,
                            window: window.start
                        )
            else { return Staleness.marker }
            var change = samples[count - 1].value - samples[0].value
            if isCounter {
                for index in 1..<max(1, count) {
                    let (last, next) = (samples[index - 1], samples[index])
                    let isReset = StartTime.isReset(
                        previousStart: start(last, window),
                        previousTime: last.timestamp.milliseconds,
                        start: start(next, window),
                        time: next.timestamp.milliseconds
                    )
                    if isReset || next.value < last.value { change += last.value }
                }
            }
            return ExtrapolatedRate.value(
                change: change,
                first: samples[0],
                lastTime: samples[count - 1].timestamp.milliseconds,
                count: count,
                start: window.start,
                end: window.end,
                isCounter: isCounter,
                isRate: isRate,
                firstStart: firstStart
            )
        }
        guard isCounter else { return function }
        function.notices = { samples, window in
            samples.indices.dropFirst().contains { index in
                StartTime.overlaps(
                    previousStart: start(samples[index - 1], window),
                    previousTime: samples[index - 1].timestamp.milliseconds,
                    start: start(samples[index], window)
                )
            }
        }
        return function
    }

    private static func start(_ sample: Sample, _ window: SeriesWindow) -> Int64 {
        window.starts?[sample.timestamp.milliseconds] ?? 0
    }
}

/// Reads a store by its samples alone, so that columns come from the model's own implementation.
struct SelectingReader: SeriesReading {
    var store: any SeriesReading

    func select(
        _ selection: SeriesSelection,
        sampleLimit: Int
    ) throws(SeriesReadingError) -> [SeriesSamples] {
        try store.select(selection, sampleLimit: sampleLimit)
    }

    func labelSets(_ selection: SeriesSelection) throws(SeriesReadingError) -> [LabelSet] {
        try store.labelSets(selection)
    }
}

extension Column {
    /// The rows that have a value at some step, as bits.
    var present: [LabelSet: [UInt64]] {
        var rows: [LabelSet: [UInt64]] = [:]
        guard table.count > 0 else { return rows }
        let steps = values.count / table.count
        for (row, labels) in table.labels.enumerated() {
            let bits = values[(row * steps)..<((row + 1) * steps)].map(\.bitPattern)
            if bits.contains(where: { $0 != Staleness.bits }) { rows[labels] = bits }
        }
        return rows
    }
}
