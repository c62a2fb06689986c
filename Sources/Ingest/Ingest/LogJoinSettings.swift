/// Limits on lines that wait for more; each is counted when it is hit.
package struct LogJoinSettings: Hashable, Sendable {
    /// Containers' streams in which a line or an event is open; over it the one that waits longest is ended.
    package var openMax: Int
    /// Bytes of all that is open, likewise.
    package var bytesMax: Int
    /// Bytes of one line put together from pieces.
    package var lineBytesMax: Int
    /// How long a piece waits for the next one.
    package var pieceIdle: Duration
    /// Members that one JSON text may add to a record.
    package var mergedKeysMax: Int
    /// Containers within containers in JSON text.
    package var jsonDepthMax: Int

    package init(
        openMax: Int = 10_000,
        bytesMax: Int = 64 << 20,
        lineBytesMax: Int = 1 << 20,
        pieceIdle: Duration = .seconds(2),
        mergedKeysMax: Int = 200,
        jsonDepthMax: Int = 16
    ) {
        self.openMax = openMax
        self.bytesMax = bytesMax
        self.lineBytesMax = lineBytesMax
        self.pieceIdle = pieceIdle
        self.mergedKeysMax = mergedKeysMax
        self.jsonDepthMax = jsonDepthMax
    }
}
