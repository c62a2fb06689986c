/// What OTLP logs accept; every limit has a default and a counter when hit.
package struct OTLPLogSettings: Hashable, Sendable {
    /// Bytes of a request's body as it comes (`sources.http_ingest.max_body`).
    package var bodyMax: Int
    /// Bytes of a compressed body after decompression (`sources.http_ingest.max_decoded`).
    package var decompressedMax: Int
    /// Bytes of memory that the records of one request may take, by estimate
    /// (`sources.http_ingest.otlp_max_decoded`).
    package var decodedMax: Int
    /// Values within values of a record; a deeper one is rejected, its neighbours are kept.
    package var depthMax: Int

    package init(
        bodyMax: Int = 16 << 20,
        decompressedMax: Int = 64 << 20,
        decodedMax: Int = 256 << 20,
        depthMax: Int = 32
    ) {
        self.bodyMax = bodyMax
        self.decompressedMax = decompressedMax
        self.decodedMax = decodedMax
        self.depthMax = depthMax
    }
}
