/// What the log store holds right now.
package struct LogStoreStatistics: Sendable, Codable {
    /// One stream's share.
    package struct StreamCount: Hashable, Sendable, Codable {
        package var stream: LogStream
        package var records: Int
        package var bytes: Int

        package init(stream: LogStream, records: Int, bytes: Int) {
            self.stream = stream
            self.records = records
            self.bytes = bytes
        }
    }

    package var records: Int
    package var bytes: Int
    package var bytesMax: Int
    package var streams: Int
    /// The streams with the most bytes, most first; at most ten.
    package var largestStreams: [StreamCount]
    /// Records that made room for newer ones, or were not taken, since the start.
    package var dropped: Int

    package init(
        records: Int,
        bytes: Int,
        bytesMax: Int,
        streams: Int,
        largestStreams: [StreamCount],
        dropped: Int
    ) {
        self.records = records
        self.bytes = bytes
        self.bytesMax = bytesMax
        self.streams = streams
        self.largestStreams = largestStreams
        self.dropped = dropped
    }
}
