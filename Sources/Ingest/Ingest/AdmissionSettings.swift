/// Limits at the door; each has a default, a counter when hit and a message that names it.
package struct AdmissionSettings: Hashable, Sendable {
    /// Samples or records a second of one source (`sources.max_samples_per_second`); nil for no limit.
    ///
    /// A source that is over it is asked to come again, never cut in half.
    package var samplesPerSecondMax: Int?
    /// Seconds' worth of the limit above that may come at once.
    package var burst: Duration
    /// When a source that is turned away should come again.
    package var retryAfter: Duration
    /// An event time further ahead of the clock than this moves no watermark; keep it equal to the metric
    /// store's own limit, which refuses such samples.
    package var futureSkewMax: Duration
    /// Samples that come in later than this are counted as late: rules were judged without them.
    package var lateAfter: Duration
    /// Rules for series that are pushed here (`sources.write_relabel_configs`): not for scraped ones, which have their
    /// job's, nor for CloudWatch's, which are asked for by name.
    package var writeRelabelling: [RelabelRule]

    package init(
        samplesPerSecondMax: Int? = nil,
        burst: Duration = .seconds(10),
        retryAfter: Duration = .seconds(1),
        futureSkewMax: Duration = .seconds(600),
        lateAfter: Duration = .seconds(300),
        writeRelabelling: [RelabelRule] = []
    ) {
        self.samplesPerSecondMax = samplesPerSecondMax
        self.burst = burst
        self.retryAfter = retryAfter
        self.futureSkewMax = futureSkewMax
        self.lateAfter = lateAfter
        self.writeRelabelling = writeRelabelling
    }
}
