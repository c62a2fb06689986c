/// Reads HTTP/1.1 requests from bytes that come in any pieces, one request after the other.
///
/// The outcome does not depend on how the bytes are cut. After `head` the owner calls `acceptBody`, after
/// `complete` it calls `takeBody`; after `failed` nothing more can be read, since the bytes that follow have no
/// certain meaning.
package struct HTTPRequestParser: Sendable {
    /// What the bytes so far amount to.
    package enum Event: Sendable {
        case needMore
        case head(HTTPRequestHead)
        case complete
        case failed(HTTPParseError)
    }

    private enum Phase: Equatable {
        /// Nothing of a request yet; one empty line is skipped.
        case start(lineSkipped: Bool)
        case requestLine
        case headers
        case awaitingAcceptance
        case body(left: Int)
        case chunkSize
        case chunk(left: Int)
        case chunkEnd
        case trailers
        case complete
        case failed
    }

    private enum LineOutcome {
        case more
        case line
        case tooLong
        case bare
    }

    /// A body is not given more room than this before its bytes are there.
    private static let reserveMax = 1 << 20

    private let limits: HTTPParserLimits
    private var phase = Phase.start(lineSkipped: false)
    private var builder = HTTPHeadBuilder()
    private var line: [UInt8] = []
    private var fieldBytes = 0
    private var trailerCount = 0
    private var framing = HTTPRequestHead.Framing.none
    private var bodyMax = 0
    private var body: [UInt8] = []
    private var failure = HTTPParseError(400, "")

    package init(limits: HTTPParserLimits = HTTPParserLimits()) {
        self.limits = limits
    }

    /// Whether nothing of the next request has come.
    package var isAtStart: Bool { phase == .start(lineSkipped: false) && line.isEmpty }

    /// Body bytes of the current request so far.
    package var bodyBytes: Int { body.count }

    /// Reads on from `offset`, which moves past what was read, up to the next event.
    package mutating func parse(_ bytes: Span<UInt8>, from offset: inout Int) -> Event {
        do {
            while true {
                if let event = try step(bytes, &offset) { return event }
            }
        } catch {
            phase = .failed
            failure = error
            return .failed(error)
        }
    }

    /// Lets the body of the head just given be read; a chunked body over `bodyMax` bytes fails with 413.
    ///
    /// The owner has compared a Content-Length with its limit already.
    package mutating func acceptBody(bodyMax: Int) {
        precondition(phase == .awaitingAcceptance, "a body is accepted after its head")
        self.bodyMax = bodyMax
        switch framing {
        case .none: phase = .complete
        case .length(let count):
            body.reserveCapacity(min(count, HTTPRequestParser.reserveMax))
            phase = .body(left: count)
        case .chunked: phase = .chunkSize
        }
    }

    /// The body of the complete request; the parser is ready for the next.
    package mutating func takeBody() -> [UInt8] {
        precondition(phase == .complete, "a body is taken when it is complete")
        var taken: [UInt8] = []
        swap(&taken, &body)
        phase = .start(lineSkipped: false)
        builder = HTTPHeadBuilder()
        fieldBytes = 0
        trailerCount = 0
        return taken
    }

    // MARK: Phases

    /// One step; nil when there is another to take at once.
    private mutating func step(
        _ bytes: Span<UInt8>,
        _ offset: inout Int
    ) throws(HTTPParseError) -> Event? {
        switch phase {
        case .start(let lineSkipped): try start(bytes, &offset, lineSkipped)
        case .requestLine: try requestLine(bytes, &offset)
        case .headers: try headers(bytes, &offset)
        case .awaitingAcceptance:
            preconditionFailure("acceptBody comes between the head and the body")
        case .body(let left): identityBody(bytes, &offset, left)
        case .chunkSize: try chunkSize(bytes, &offset)
        case .chunk(let left): chunk(bytes, &offset, left)
        case .chunkEnd: try chunkEnd(bytes, &offset)
        case .trailers: try trailers(bytes, &offset)
        case .complete: .complete
        case .failed: .failed(failure)
        }
    }

    private mutating func start(
        _ bytes: Span<UInt8>,
        _ offset: inout Int,
        _ lineSkipped: Bool
    ) throws(HTTPParseError) -> Event? {
        guard offset < bytes.count else { return .needMore }
        let byte = bytes[offset]
        if !line.isEmpty || byte == UInt8(ascii: "\r") {
            guard !lineSkipped else {
                throw .malformed("more than one empty line precedes the request")
            }
            switch takeLine(bytes, &offset, max: 0) {
            case .more: return .needMore
            case .line: phase = .start(lineSkipped: true)
            case .tooLong, .bare: throw .malformed("a carriage return without a line feed")
            }
            return nil
        }
        if byte == 0x16 {
            throw .malformed("this port speaks plain HTTP; the bytes look like the start of TLS")
        }
        guard HTTPCharacters.isToken(byte) else {
            throw .malformed("the request line is not METHOD TARGET HTTP/1.1")
        }
        phase = .requestLine
        return nil
    }

    private mutating func requestLine(
        _ bytes: Span<UInt8>,
        _ offset: inout Int
    ) throws(HTTPParseError) -> Event? {
        switch takeLine(bytes, &offset, max: limits.requestLineMax) {
        case .more: return .needMore
        case .tooLong:
            throw HTTPParseError(
                414,
                "the request line is longer than \(limits.requestLineMax) bytes"
            )
        case .bare: throw .malformed("a line feed without a carriage return")
        case .line:
            try builder.requestLine(takenLine())
            phase = .headers
            return nil
        }
    }

    private mutating func headers(
        _ bytes: Span<UInt8>,
        _ offset: inout Int
    ) throws(HTTPParseError) -> Event? {
        guard let line = try fieldLine(bytes, &offset, count: builder.count) else {
            return .needMore
        }
        guard line.isEmpty else {
            try builder.header(line)
            return nil
        }
        let head = try builder.finished()
        framing = head.framing
        fieldBytes = 0
        phase = .awaitingAcceptance
        return .head(head)
    }

    private mutating func identityBody(
        _ bytes: Span<UInt8>,
        _ offset: inout Int,
        _ left: Int
    ) -> Event? {
        let count = takeBody(bytes, &offset, atMost: left)
        phase = count == left ? .complete : .body(left: left - count)
        return count == left ? nil : .needMore
    }

    private mutating func chunkSize(
        _ bytes: Span<UInt8>,
        _ offset: inout Int
    ) throws(HTTPParseError) -> Event? {
        switch takeLine(bytes, &offset, max: limits.chunkLineMax) {
        case .more: return .needMore
        case .tooLong:
            throw .malformed("a chunk's size line is longer than \(limits.chunkLineMax) bytes")
        case .bare: throw .malformed("a chunk's size line does not end in CR LF")
        case .line: break
        }
        let size = try HTTPRequestParser.chunkSize(takenLine())
        guard size <= bodyMax - body.count else {
            throw HTTPParseError(413, "the body is longer than \(bodyMax) bytes")
        }
        phase = size == 0 ? .trailers : .chunk(left: size)
        return nil
    }

    /// Hex digits, then nothing or extensions, which are read over; no blanks, which parsers differ about.
    private static func chunkSize(_ line: [UInt8]) throws(HTTPParseError) -> Int {
        let digits = line.prefix { HTTPCharacters.hexValue($0) != nil }
        guard !digits.isEmpty, digits.count <= 15 else {
            throw .malformed("a chunk's size is not 1 to 15 hex digits")
        }
        let rest = line[digits.endIndex...]
        guard rest.isEmpty || rest.first == UInt8(ascii: ";"),
            rest.allSatisfy(HTTPCharacters.isFieldValue)
        else { throw .malformed("a chunk's size is followed by what is no extension") }
        return digits.reduce(0) { $0 << 4 | Int(HTTPCharacters.hexValue($1) ?? 0) }
    }

    private mutating func chunk(
        _ bytes: Span<UInt8>,
        _ offset: inout Int,
        _ left: Int
    ) -> Event? {
        let count = takeBody(bytes, &offset, atMost: left)
        phase = count == left ? .chunkEnd : .chunk(left: left - count)
        return count == left ? nil : .needMore
    }

    private mutating func chunkEnd(
        _ bytes: Span<UInt8>,
        _ offset: inout Int
    ) throws(HTTPParseError) -> Event? {
        switch takeLine(bytes, &offset, max: 0) {
        case .more: return .needMore
        case .tooLong, .bare: throw .malformed("a chunk is longer than its size")
        case .line:
            phase = .chunkSize
            return nil
        }
    }

    /// Trailers are checked as headers are, and thrown away.
    private mutating func trailers(
        _ bytes: Span<UInt8>,
        _ offset: inout Int
    ) throws(HTTPParseError) -> Event? {
        guard let line = try fieldLine(bytes, &offset, count: trailerCount) else {
            return .needMore
        }
        if line.isEmpty {
            phase = .complete
        } else {
            _ = try HTTPHeadBuilder.field(line)
            trailerCount += 1
        }
        return nil
    }

    // MARK: Lines and bytes

    /// The next header or trailer line, within the limits; nil when its end has not come.
    private mutating func fieldLine(
        _ bytes: Span<UInt8>,
        _ offset: inout Int,
        count: Int
    ) throws(HTTPParseError) -> [UInt8]? {
        switch takeLine(bytes, &offset, max: limits.headerBytesMax - fieldBytes) {
        case .more: return nil
        case .tooLong:
            throw HTTPParseError(431, "the headers are longer than \(limits.headerBytesMax) bytes")
        case .bare: throw .malformed("a line feed without a carriage return")
        case .line: break
        }
        let line = takenLine()
        fieldBytes += line.count
        guard line.isEmpty || count < limits.headersMax else {
            throw HTTPParseError(431, "there are more than \(limits.headersMax) headers")
        }
        return line
    }

    /// Gathers bytes up to a line feed; the line is then in `line`, without its end.
    private mutating func takeLine(
        _ bytes: Span<UInt8>,
        _ offset: inout Int,
        max: Int
    ) -> LineOutcome {
        var end = offset
        while end < bytes.count && bytes[end] != UInt8(ascii: "\n") { end += 1 }
        HTTPRequestParser.append(bytes, offset..<end, to: &line)
        offset = end
        // One more than the limit has room for the carriage return alone.
        if line.count > max + 1 || line.count == max + 1 && line.last != UInt8(ascii: "\r") {
            return .tooLong
        }
        guard offset < bytes.count else { return .more }
        offset += 1
        guard line.last == UInt8(ascii: "\r") else { return .bare }
        line.removeLast()
        return .line
    }

    private mutating func takenLine() -> [UInt8] {
        var taken: [UInt8] = []
        swap(&taken, &line)
        return taken
    }

    private mutating func takeBody(
        _ bytes: Span<UInt8>,
        _ offset: inout Int,
        atMost left: Int
    ) -> Int {
        let count = min(left, bytes.count - offset)
        HTTPRequestParser.append(bytes, offset..<(offset + count), to: &body)
        offset += count
        return count
    }

    private static func append(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        to array: inout [UInt8]
    ) {
        // Span has no bulk copy into an array; `extracting` checks the range, and the pointer stays in the call.
        unsafe bytes.extracting(range).withUnsafeBufferPointer {
            unsafe array.append(contentsOf: $0)
        }
    }
}
