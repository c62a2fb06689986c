/// What `_bulk` accepts and answers; every limit has a default and a counter when hit.
package struct BulkSettings: Hashable, Sendable {
    /// Bytes of a request's body as it comes (`sources.http_ingest.bulk_max_body`); Elasticsearch's own limit.
    package var bodyMax: Int
    /// Bytes of a compressed body after decompression (`sources.http_ingest.bulk_max_decompressed`).
    package var decompressedMax: Int
    /// Bytes of memory that the documents of one request and their reply may take, by estimate
    /// (`sources.http_ingest.bulk_max_decoded`).
    package var decodedMax: Int
    /// Containers within containers of a document; a deeper one is refused, its neighbours are kept.
    package var depthMax: Int
    /// Document ids that are remembered, so that a document sent again is acknowledged and not counted twice
    /// (`sources.http_ingest.bulk_ids`).
    package var idsRemembered: Int
    /// Bytes of one `_id`; Elasticsearch's own limit.
    package var idBytesMax: Int
    /// When a request should come again some of whose documents are on their way in with another one.
    package var pendingRetry: Duration
    /// The version that clients are told (`sources.http_ingest.elasticsearch_version`).
    package var version: String

    package init(
        bodyMax: Int = 100 << 20,
        decompressedMax: Int = 256 << 20,
        decodedMax: Int = 512 << 20,
        depthMax: Int = 32,
        idsRemembered: Int = 500_000,
        idBytesMax: Int = 512,
        pendingRetry: Duration = .seconds(1),
        version: String = "8.17.0"
    ) {
        self.bodyMax = bodyMax
        self.decompressedMax = decompressedMax
        self.decodedMax = decodedMax
        self.depthMax = depthMax
        self.idsRemembered = idsRemembered
        self.idBytesMax = idBytesMax
        self.pendingRetry = pendingRetry
        self.version = version
    }
}
