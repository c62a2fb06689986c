/// Limits of remote write; each has a default, a counter when hit and a message that names it.
package struct RemoteWriteSettings: Hashable, Sendable {
    /// Bytes of a request's body as it comes (`ingest.remoteWriteBodyMax`).
    package var bodyMax: Int
    /// Bytes of a request after decompression (`ingest.remoteWriteDecodedMax`).
    package var decodedMax: Int

    package init(bodyMax: Int = 16 << 20, decodedMax: Int = 64 << 20) {
        self.bodyMax = bodyMax
        self.decodedMax = decodedMax
    }
}
