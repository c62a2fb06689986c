import Telemetry

/// What the metric store holds beyond its retention because rules need it.
package struct LongWindowStatistics: Hashable, Sendable, Codable {
    /// Series of which anything is needed.
    package var series: Int
    /// Samples that thinning left out, since the start.
    package var thinnedSamples: Int
    /// Samples that were given up because memory ran short, since the start.
    package var givenUpSamples: Int

    package init(
        series: Int = 0,
        thinnedSamples: Int = 0,
        givenUpSamples: Int = 0
    ) {
        self.series = series
        self.thinnedSamples = thinnedSamples
        self.givenUpSamples = givenUpSamples
    }

    mutating func add(_ other: LongWindowStatistics) {
        series += other.series
        thinnedSamples += other.thinnedSamples
        givenUpSamples += other.givenUpSamples
    }

    var families: [MetricFamily] {
        func family(
            _ name: String,
            _ help: String,
            _ value: Int,
            _ kind: MetricKind = .gauge
        ) -> MetricFamily {
            MetricFamily(
                "tocsin_store_long_window_\(name)",
                help: help,
                kind: kind,
                points: [MetricPoint([], Double(value))]
            )
        }
        return [
            family("series", "Series that rules read beyond the retention.", series),
            family(
                "samples_thinned",
                "Samples left out when chunks beyond the retention were thinned.",
                thinnedSamples,
                .counter
            ),
            family(
                "samples_given_up",
                "Samples beyond the retention that were given up because memory ran short.",
                givenUpSamples,
                .counter
            ),
        ]
    }
}
