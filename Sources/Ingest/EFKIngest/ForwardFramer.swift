package import WireFormats

/// Whole messages of one connection, still encoded, back to back.
package struct ForwardFrames: Sendable {
    package enum Encoding: Hashable, Sendable {
        case messagePack, json
    }

    package var encoding: Encoding
    package var bytes: [UInt8]
    /// Where each message lies in `bytes`.
    package var ranges: [Range<Int>]
}

/// Cuts the byte stream of one connection into messages, whatever pieces it arrives in.
///
/// A message over the limit is thrown away while it arrives, and the stream goes on behind it.
package struct ForwardFramer: Sendable {
    /// A message that was thrown away.
    package struct Oversized: Hashable, Sendable {
        /// What its first bytes say; empty when they do not.
        package var tag: String
        package var limit: Int
    }

    /// Messages that are cut ahead of being taken; the bytes behind them wait unread.
    private static let aheadMax = 4096

    private let messageMax: Int
    private let jsonMessageMax: Int
    private var encoding: ForwardFrames.Encoding?
    private var messagePack = MessagePackScanner()
    private var json = JSONScanner()
    private var buffer: [UInt8] = []
    /// Whole messages in front of `start`, not yet taken.
    private var ranges: [Range<Int>] = []
    /// Where the message that is still arriving begins.
    private var start = 0
    private var discarding: Oversized?

    /// Messages thrown away since the last `takeOversized`.
    private var oversized: [Oversized] = []
    /// Why the stream cannot be read any further.
    package private(set) var failure: WireFormatError?

    package init(messageMax: Int, jsonMessageMax: Int) {
        self.messageMax = messageMax
        self.jsonMessageMax = jsonMessageMax
    }

    /// Bytes that are held.
    package var heldBytes: Int { buffer.count }

    /// Whether a message has begun and not ended, once nothing is left to take.
    package var isInsideMessage: Bool { discarding != nil || start < buffer.count }

    /// Adds what came; does nothing once `failure` is set.
    package mutating func append(_ bytes: Span<UInt8>) {
        guard failure == nil else { return }
        buffer.append(addingCapacity: bytes.count) { output in
            for index in bytes.indices { output.append(bytes[index]) }
        }
        cutAhead()
    }

    private mutating func cutAhead() {
        guard failure == nil else { return }
        do {
            while ranges.count < Self.aheadMax, try advance() {}
        } catch {
            failure = error
        }
    }

    /// Whole messages for one go: at most about `bytesMax` bytes of small ones, or one large one.
    package mutating func takeFrames(bytesMax: Int) -> ForwardFrames? {
        guard let encoding, let first = ranges.first else { return nil }
        var count = 1
        while count < ranges.count, ranges[count].upperBound - first.lowerBound <= bytesMax {
            count += 1
        }
        let taken = Array(ranges.prefix(count))
        ranges.removeFirst(count)
        let end = taken[count - 1].upperBound
        var frames = ForwardFrames(encoding: encoding, bytes: [], ranges: taken)
        if end == buffer.count {
            // All of it goes: nothing is copied, and an idle connection keeps no buffer.
            swap(&frames.bytes, &buffer)
            ranges = []
            start = 0
        } else {
            frames.bytes = Array(buffer[..<end])
            cut(end)
        }
        cutAhead()
        return frames
    }

    /// Messages thrown away since the last call.
    package mutating func takeOversized() -> [Oversized] {
        defer { oversized = [] }
        return oversized
    }

    /// Looks for the end of one message; false when more bytes are needed.
    private mutating func advance() throws(WireFormatError) -> Bool {
        if discarding == nil { skipSpace() }
        guard start < buffer.count else { return false }
        let encoding = self.encoding ?? (isJSON(buffer[start]) ? .json : .messagePack)
        self.encoding = encoding
        let limit = encoding == .json ? jsonMessageMax : messageMax
        guard let length = try scan(encoding) else {
            if buffer.count - start > limit || discarding != nil { discard(limit) }
            return false
        }
        if let whole = discarding ?? (length > limit ? Oversized(tag: tag(), limit: limit) : nil) {
            oversized.append(whole)
            discarding = nil
            buffer.removeSubrange(start..<start + length)
        } else {
            ranges.append(start..<start + length)
            start += length
        }
        return true
    }

    /// Goes on scanning the message that begins at `start`; its length when it is whole.
    private mutating func scan(
        _ encoding: ForwardFrames.Encoding
    ) throws(WireFormatError) -> Int? {
        switch encoding {
        case .messagePack:
            var scanner = messagePack
            let length = try scanner.advance(over: buffer.span.extracting(start...))
            messagePack = scanner
            return length
        case .json:
            var scanner = json
            let length = try scanner.advance(over: buffer.span.extracting(start...))
            json = scanner
            return length
        }
    }

    /// Throws away what has been looked at of a message that is too long.
    private mutating func discard(_ limit: Int) {
        if discarding == nil { discarding = Oversized(tag: tag(), limit: limit) }
        let scanned = encoding == .json ? json.scanned : messagePack.scanned
        let count = min(scanned, buffer.count - start)
        buffer.removeSubrange(start..<start + count)
        if encoding == .json { json.forget(count) } else { messagePack.forget(count) }
    }

    private mutating func cut(_ end: Int) {
        buffer.removeFirst(end)
        start -= end
        for index in ranges.indices {
            ranges[index] = (ranges[index].lowerBound - end)..<(ranges[index].upperBound - end)
        }
    }

    /// White space between JSON values; in MessagePack these bytes are integers, which no sender sends.
    private mutating func skipSpace() {
        guard encoding == .json else { return }
        var end = start
        while end < buffer.count, [0x20, 0x0a, 0x0d, 0x09].contains(buffer[end]) { end += 1 }
        buffer.removeSubrange(start..<end)
    }

    private func isJSON(_ byte: UInt8) -> Bool { byte == 0x7b || byte == 0x5b }

    /// The tag of the message that begins at `start`, for a log line.
    private func tag() -> String {
        let span = buffer.span
        switch encoding {
        case .messagePack:
            var reader = MessagePackReader(span, in: start..<span.count)
            reader.offset += 1
            guard case .string(let range)? = try? reader.next() else { return "" }
            return WireText.repaired(
                span,
                range.lowerBound..<min(range.upperBound, range.lowerBound + 200)
            )
        case .json:
            var reader = JSONReader(span, in: start..<span.count)
            guard (try? reader.next()) == .arrayStart, case .string(let text)? = try? reader.next()
            else { return "" }
            return String(((try? reader.text(text, repairing: true)) ?? "").prefix(200))
        case nil: return ""
        }
    }
}
