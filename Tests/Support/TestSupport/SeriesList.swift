package import Model
import Timekeeping

/// Series held in a plain list: the simplest thing the query layer can read.
package struct SeriesList: SeriesReading {
    package var series: [SeriesSamples]

    package init(_ series: [SeriesSamples]) {
        self.series = series.sorted { $0.labels < $1.labels }
    }

    package func select(
        _ selection: SeriesSelection,
        sampleLimit: Int
    ) throws(SeriesReadingError) -> [SeriesSamples] {
        var found: [SeriesSamples] = []
        var count = 0
        for one in series where selection.matchers.allSatisfy({ $0.matches(one.labels) }) {
            let samples = one.samples.filter { selection.range.contains($0.timestamp) }
            guard !samples.isEmpty else { continue }
            count += samples.count
            guard count <= sampleLimit else { throw .sampleLimit(sampleLimit) }
            found.append(SeriesSamples(labels: one.labels, samples: samples, starts: one.starts))
        }
        return found
    }

    package func labelSets(
        _ selection: SeriesSelection
    ) throws(SeriesReadingError) -> [LabelSet] {
        try select(selection, sampleLimit: .max).map(\.labels)
    }
}
