/// Limits of remote write; each has a default, a counter when hit and a message that names it.
package struct RemoteWriteSettings: Hashable, Sendable {
    /// Bytes of a request's body as it comes (`sources.http_ingest.max_body`).
    package var bodyMax: Int
    /// Bytes of a request after decompression (`sources.http_ingest.max_decoded`).
    package var decodedMax: Int

    package init(bodyMax: Int = 16 << 20, decodedMax: Int = 64 << 20) {
        self.bodyMax = bodyMax
        self.decodedMax = decodedMax
    }
}
