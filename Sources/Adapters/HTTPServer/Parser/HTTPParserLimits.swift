/// How long the parts of a request may be.
package struct HTTPParserLimits: Hashable, Sendable {
    /// Bytes of the request line without its line end; over it 414.
    package var requestLineMax: Int
    /// Bytes of all header lines without their line ends, and apart from that of all trailer lines; over it 431.
    package var headerBytesMax: Int
    /// Header lines, and apart from that trailer lines; over it 431.
    package var headersMax: Int
    /// Bytes of a chunk's size line, extensions included; over it 400.
    package var chunkLineMax: Int

    package init(
        requestLineMax: Int = 16 << 10,
        headerBytesMax: Int = 64 << 10,
        headersMax: Int = 128,
        chunkLineMax: Int = 256
    ) {
        self.requestLineMax = requestLineMax
        self.headerBytesMax = headerBytesMax
        self.headersMax = headersMax
        self.chunkLineMax = chunkLineMax
    }
}
