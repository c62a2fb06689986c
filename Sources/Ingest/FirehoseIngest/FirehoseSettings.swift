/// What is taken of Amazon Data Firehose; every limit has a default, a counter when hit and a message that names it.
///
/// The defaults are Firehose's own limits, so that nothing it sends is over one.
package struct FirehoseSettings: Hashable, Sendable {
    /// Bytes of a request as it comes (`sources.firehose.max_body`).
    package var bodyMax: Int
    /// Bytes of a compressed request after decompression (`max_decoded`).
    package var decodedMax: Int
    /// Records of one request (`max_records`).
    package var recordsMax: Int
    /// Bytes of one record, out of base64 (`max_record`).
    package var recordBytesMax: Int
    /// Bytes of all compressed records of a request after decompression (`max_unpacked`).
    package var unpackedMax: Int
    /// Data points and log events of one request (`max_points`).
    package var pointsMax: Int
    /// Containers within containers of a record's JSON (`max_depth`).
    package var depthMax: Int
    /// Dimensions of a metric (`max_dimensions`).
    package var dimensionsMax: Int
    /// Metrics whose series are remembered (`max_metrics`).
    package var metricsMax: Int
    /// Log events that are remembered, so that one sent again is not counted twice (`log_ids`).
    package var logIDsMax: Int
    /// How much older than a series' newest sample one may be and still be taken or revised (`revision_window`).
    package var revisionWindow: Duration
    /// Whether silent counters of load balancers are filled with zeros (`fill_zeros`).
    package var fillsZeros: Bool

    package init(
        bodyMax: Int = 64 << 20,
        decodedMax: Int = 64 << 20,
        recordsMax: Int = 10_000,
        recordBytesMax: Int = 1 << 20,
        unpackedMax: Int = 128 << 20,
        pointsMax: Int = 250_000,
        depthMax: Int = 16,
        dimensionsMax: Int = 30,
        metricsMax: Int = 100_000,
        logIDsMax: Int = 500_000,
        revisionWindow: Duration = .seconds(7200),
        fillsZeros: Bool = true
    ) {
        self.bodyMax = bodyMax
        self.decodedMax = decodedMax
        self.recordsMax = recordsMax
        self.recordBytesMax = recordBytesMax
        self.unpackedMax = unpackedMax
        self.pointsMax = pointsMax
        self.depthMax = depthMax
        self.dimensionsMax = dimensionsMax
        self.metricsMax = metricsMax
        self.logIDsMax = logIDsMax
        self.revisionWindow = revisionWindow
        self.fillsZeros = fillsZeros
    }
}
