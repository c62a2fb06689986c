/// Limits of OTLP metrics; each has a default, a counter when hit and a message that names it.
package struct OTLPMetricsSettings: Hashable, Sendable {
    /// Bytes of a request's body as it comes (`sources.http_ingest.max_body`).
    package var bodyMax: Int
    /// Bytes of a request after decompression (`sources.http_ingest.max_decoded`).
    package var decodedMax: Int
    /// Series that delta points are added up for (`sources.http_ingest.max_delta_series`).
    package var deltaSeriesMax: Int
    /// Resource attributes that become labels (`sources.http_ingest.promote_resource_attributes`).
    package var promoted: [String]

    package init(
        bodyMax: Int = 16 << 20,
        decodedMax: Int = 64 << 20,
        deltaSeriesMax: Int = 100_000,
        promoted: [String] = []
    ) {
        self.bodyMax = bodyMax
        self.decodedMax = decodedMax
        self.deltaSeriesMax = deltaSeriesMax
        self.promoted = promoted
    }
}
