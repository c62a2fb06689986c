/// Limits of the log store; each is counted when it is hit.
package struct LogStoreSettings: Hashable, Sendable {
    /// Bytes of records at most (`store.logs.max_memory`); past it the largest stream gives up its oldest.
    package var maxMemoryBytes: Int
    /// How long records stay after they arrived (`store.logs.retention`).
    package var retention: Duration
    /// Streams at most; past it the stream that has been silent longest is dropped.
    package var streamsMax: Int
    /// Bytes of one encoded record at most; a larger one is dropped.
    package var recordBytesMax: Int
    /// Bytes of one string in a record at most; a longer one is cut.
    package var valueBytesMax: Int
    /// Objects and arrays within each other at most; what lies deeper becomes null.
    package var depthMax: Int
    /// Different field names that are kept once instead of in every record.
    package var fieldNamesMax: Int

    package static let standard = LogStoreSettings()

    package init(
        maxMemoryBytes: Int = 256 << 20,
        retention: Duration = .seconds(3600),
        streamsMax: Int = 10_000,
        recordBytesMax: Int = 256 << 10,
        valueBytesMax: Int = 32 << 10,
        depthMax: Int = 16,
        fieldNamesMax: Int = 1 << 16
    ) {
        self.maxMemoryBytes = maxMemoryBytes
        self.retention = retention
        self.streamsMax = streamsMax
        self.recordBytesMax = recordBytesMax
        self.valueBytesMax = valueBytesMax
        self.depthMax = depthMax
        self.fieldNamesMax = fieldNamesMax
    }
}
