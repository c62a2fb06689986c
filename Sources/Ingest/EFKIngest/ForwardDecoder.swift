import Compression
import Ingest
import Model
import Telemetry
package import Timekeeping
import WireFormats

/// Decodes the messages of the forward protocol in all four modes, and JSON.
///
/// | mode | message |
/// | --- | --- |
/// | Message | `[tag, time, record, option?]` |
/// | Forward | `[tag, [[time, record], ...], option?]` |
/// | PackedForward | `[tag, bytes of concatenated [time, record], option?]` |
/// | CompressedPackedForward | the same in gzip members or zstd frames, option `compressed: gzip` or `zstd` |
///
/// - Source: Forward Protocol Specification v1; fluentd `in_forward.rb`; Fluent Bit `out_forward`, which puts
///   `[time, metadata]` where the time stands.
package struct ForwardDecoder: Sendable {
    private let settings: ForwardSettings

    package init(settings: ForwardSettings) {
        self.settings = settings
    }

    /// Decodes every frame.
    ///
    /// - Parameters:
    ///   - frames: Whole messages, as `ForwardFramer` cuts them.
    ///   - arrival: When they came; also the event time of entries that have none.
    /// - Returns: What each frame is, in order.
    package func decode(_ frames: ForwardFrames, arrival: Timestamp) -> [ForwardOutcome] {
        frames.ranges.map { range in
            switch frames.encoding {
            case .messagePack: messagePack(frames.bytes.span, range, arrival)
            case .json: json(frames.bytes.span, range, arrival)
            }
        }
    }

    // MARK: MessagePack

    /// What the options of a message say.
    private struct Options {
        var chunk: Range<Int>?
        var compressed = "text"
        var signal: Int64 = 0
    }

    /// The second value of a message and what follows from it; offsets of values.
    private enum Body {
        case pair(time: Int, record: Int)
        case list(Int)
        case packed(Range<Int>)
    }

    private func messagePack(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        _ arrival: Timestamp
    ) -> ForwardOutcome {
        var reader = MessagePackReader(bytes, in: range)
        do {
            let first = try reader.next()
            guard first != .null else { return .ignored }
            guard case .array(let count) = first else {
                return .invalid(
                    cause: "not_a_message",
                    reason: "a value that is no array",
                    ack: nil
                )
            }
            guard count >= 2 else {
                return .invalid(
                    cause: "not_a_message",
                    reason: "an array of \(count) values",
                    ack: nil
                )
            }
            let tag = try self.tag(&reader, bytes)
            return try message(&reader, bytes, range, count: count, tag: tag, arrival)
        } catch {
            return malformed(error, in: range)
        }
    }

    /// The fault with its place counted from the message's own beginning.
    private func malformed(_ error: WireFormatError, in range: Range<Int>) -> ForwardOutcome {
        let place = WireFormatError(error.reason, at: error.offset - range.lowerBound)
        return .invalid(cause: "malformed", reason: "\(place) of it", ack: nil)
    }

    private func tag(
        _ reader: inout MessagePackReader,
        _ bytes: Span<UInt8>
    ) throws(WireFormatError) -> String {
        let start = reader.offset
        switch try reader.next() {
        case .string(let range), .binary(let range): return WireText.repaired(bytes, range)
        default: throw WireFormatError(.expected("a tag"), at: start)
        }
    }

    /// Reads what follows the tag.
    private func message(
        _ reader: inout MessagePackReader,
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        count: Int,
        tag: String,
        _ arrival: Timestamp
    ) throws(WireFormatError) -> ForwardOutcome {
        let body = try self.body(&reader, bytes, range.upperBound)
        if case .pair = body {
            guard count >= 3 else {
                return .invalid(
                    cause: "not_a_message",
                    reason: "a message of \(tag) without a record",
                    ack: nil
                )
            }
            try reader.skip()
        }
        let optionIndex = if case .pair = body { 3 } else { 2 }
        let options = count > optionIndex ? try self.options(&reader, bytes) : Options()
        if let chunk = options.chunk, let outcome = overlong(chunk.count, tag) { return outcome }
        let ack = options.chunk.map { messagePackAck(bytes, $0) }
        guard options.signal == 0 else {
            return .invalid(
                cause: "unsupported_signal",
                reason: "a message of \(tag) carries metrics or traces (fluent_signal "
                    + "\(options.signal)); send logs here and metrics by remote write",
                ack: ack
            )
        }
        var entries = Collected(tag: tag, arrival: arrival, entriesMax: settings.entriesMax)
        if let other = add(body, bytes, range.upperBound, options, &entries, ack) { return other }
        var message = ForwardMessage(tag: tag, records: entries.records, ack: ack)
        if options.chunk != nil { message.identity = identity(bytes, range) }
        message.invalidEntries = entries.invalid
        message.firstInvalid = entries.firstInvalid
        return .message(message)
    }

    /// The outcome of a message whose chunk id is longer than any sender's; nil when it is not.
    private func overlong(_ count: Int, _ tag: String) -> ForwardOutcome? {
        // A str or bin has up to five bytes before its own.
        guard count > settings.chunkIDMax + 5 else { return nil }
        return .refused(
            cause: "chunk_id_too_long",
            reason: "a message of \(tag) has a chunk id of \(count) bytes, more than "
                + "\(settings.chunkIDMax); if the sender means it, raise sources.forward.max_chunk_id"
        )
    }

    private func tooMany(_ tag: String) -> ForwardOutcome {
        .refused(
            cause: "too_many_entries",
            reason:
                "a message of \(tag) has more than \(settings.entriesMax) entries; lower the sender's "
                + "chunk size or raise sources.forward.max_entries"
        )
    }

    /// Passes the second value of a message and says which mode it makes.
    private func body(
        _ reader: inout MessagePackReader,
        _ bytes: Span<UInt8>,
        _ end: Int
    ) throws(WireFormatError) -> Body {
        let start = reader.offset
        try reader.skip()
        var head = MessagePackReader(bytes, in: start..<end)
        switch try head.next() {
        case .string(let packed), .binary(let packed): return .packed(packed)
        case .array where try looksLikeEntries(bytes, start, end): return .list(start)
        default: return .pair(time: start, record: reader.offset)
        }
    }

    /// Adds a message's entries; the outcome instead when that cannot be.
    private func add(
        _ body: Body,
        _ bytes: Span<UInt8>,
        _ end: Int,
        _ options: Options,
        _ entries: inout Collected,
        _ ack: [UInt8]?
    ) -> ForwardOutcome? {
        var records = RecordReader(depthMax: settings.depthMax, budget: settings.decodedMax)
        do {
            switch body {
            case .pair(let time, let record):
                var reader = MessagePackReader(bytes, in: time..<end)
                try entries.addPair(&reader, bytes, &records, recordAt: record)
            case .list(let start):
                var reader = MessagePackReader(bytes, in: start..<end)
                try entries.addList(&reader, bytes, &records)
            case .packed(let packed):
                return try add(bytes, packed, options, &entries, &records, ack)
            }
        } catch .tooManyEntries {
            return tooMany(entries.tag)
        } catch .overBudget {
            return .refused(
                cause: "decoded_too_large",
                reason: "the records of a message of \(entries.tag) take more than "
                    + "\(settings.decodedMax) bytes; lower the sender's chunk size or raise "
                    + "sources.forward.max_decoded"
            )
        } catch {
            entries.note(error)
        }
        return nil
    }

    /// Adds the entries of a packed stream, compressed or not; the outcome when that cannot be.
    private func add(
        _ bytes: Span<UInt8>,
        _ packed: Range<Int>,
        _ options: Options,
        _ entries: inout Collected,
        _ records: inout RecordReader,
        _ ack: [UInt8]?
    ) throws(RecordReader.Failure) -> ForwardOutcome? {
        guard options.compressed != "text", options.compressed != "" else {
            try entries.addStream(bytes, packed, &records)
            return nil
        }
        let plain: [UInt8]
        do {
            guard let unpacked = try unpack(bytes.extracting(packed), options.compressed) else {
                return .refused(
                    cause: "unsupported_compression",
                    reason: "a message of \(entries.tag) is compressed with "
                        + "\"\(options.compressed)\"; set compress gzip or zstd in the sender"
                )
            }
            plain = unpacked
        } catch .tooLarge(let format, let limit) {
            return .refused(
                cause: "decompressed_too_large",
                reason: "a message of \(entries.tag): "
                    + "\(CompressionError.tooLarge(format: format, limit: limit)); lower the sender's chunk "
                    + "size or raise sources.forward.max_decompressed"
            )
        } catch {
            return .invalid(
                cause: "malformed",
                reason: "a message of \(entries.tag): \(error)",
                ack: ack
            )
        }
        try entries.addStream(plain.span, 0..<plain.count, &records)
        return nil
    }

    /// Decompresses a packed stream; nil when the compression is none of ours.
    private func unpack(
        _ bytes: Span<UInt8>,
        _ compression: String
    ) throws(CompressionError) -> [UInt8]? {
        switch compression {
        case "gzip": try Gzip.decompress(bytes, limit: settings.decompressedMax)
        case "zstd": try Zstd.decompress(bytes, limit: settings.decompressedMax)
        default: nil
        }
    }

    /// Whether the value at `start` is a list of entries rather than a time, which may be `[time, metadata]`.
    private func looksLikeEntries(
        _ bytes: Span<UInt8>,
        _ start: Int,
        _ end: Int
    ) throws(WireFormatError) -> Bool {
        var reader = MessagePackReader(bytes, in: start..<end)
        guard case .array(let count) = try reader.next() else { return false }
        guard count > 0 else { return true }
        switch try reader.next() {
        case .array, .map, .null, .string, .binary, .bool: return true
        case .integer, .unsigned, .number, .extended: return false
        }
    }

    private func options(
        _ reader: inout MessagePackReader,
        _ bytes: Span<UInt8>
    ) throws(WireFormatError) -> Options {
        var options = Options()
        let start = reader.offset
        guard case .map(let count) = try reader.next() else {
            // No map, no options: `nil` stands there in some senders' messages.
            reader.offset = start
            try reader.skip()
            return options
        }
        for _ in 0..<count {
            guard case .string(let name) = try reader.next() else {
                try reader.skip()
                continue
            }
            let valueStart = reader.offset
            let value = try reader.skip()
            var inner = MessagePackReader(bytes, in: value)
            switch WireText.repaired(bytes, name) {
            case "chunk": if bytes[valueStart] != 0xc0 { options.chunk = value }
            case "compressed":
                if case .string(let text)? = try? inner.next() {
                    options.compressed = WireText.repaired(bytes, text)
                }
            case "fluent_signal":
                if case .integer(let signal)? = try? inner.next() { options.signal = signal }
            default: break
            }
        }
        return options
    }

    /// `{"ack": value}` with the value's own bytes.
    private func messagePackAck(_ bytes: Span<UInt8>, _ chunk: Range<Int>) -> [UInt8] {
        var writer = MessagePackWriter()
        writer.map(1)
        writer.string("ack")
        writer.raw(WireText.copy(bytes, chunk))
        return writer.bytes
    }

    private func identity(_ bytes: Span<UInt8>, _ message: Range<Int>) -> ChunkIdentity {
        ChunkIdentity(of: WireText.copy(bytes, message))
    }

    // MARK: JSON

    private func json(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        _ arrival: Timestamp
    ) -> ForwardOutcome {
        var reader = JSONReader(bytes, in: range)
        let value: LogValue
        do {
            value = try LogValue(next: &reader)
        } catch {
            return malformed(error, in: range)
        }
        guard case .array(let parts) = value, parts.count >= 2, case .string(let tag) = parts[0]
        else {
            return .invalid(
                cause: "not_a_message",
                reason: "a JSON value that is no [tag, ...]",
                ack: nil
            )
        }
        var entries = Collected(tag: tag, arrival: arrival, entriesMax: settings.entriesMax)
        let option: LogValue?
        if case .array(let list) = parts[1], list.isEmpty || !isNumber(list[0]) {
            guard list.count <= settings.entriesMax else { return tooMany(tag) }
            for entry in list { entries.add(json: entry) }
            option = parts.count > 2 ? parts[2] : nil
        } else {
            guard parts.count >= 3 else {
                return .invalid(
                    cause: "not_a_message",
                    reason: "a message without a record",
                    ack: nil
                )
            }
            entries.add(json: .array([parts[1], parts[2]]))
            option = parts.count > 3 ? parts[3] : nil
        }
        var message = ForwardMessage(tag: tag, records: entries.records)
        message.invalidEntries = entries.invalid
        message.firstInvalid = entries.firstInvalid
        if case .object(let members)? = option,
            let chunk = members.last(where: { $0.name == "chunk" })?.value, chunk != .null
        {
            if let outcome = overlong(chunk.text.utf8.count, tag) { return outcome }
            message.ack = Array("{\"ack\":\(jsonText(chunk))}".utf8)
            message.identity = identity(bytes, range)
        }
        return .message(message)
    }

    private func isNumber(_ value: LogValue) -> Bool {
        switch value {
        case .integer, .number: true
        case .null, .bool, .string, .array, .object: false
        }
    }

    private func jsonText(_ value: LogValue) -> String {
        if case .string(let text) = value { return JSONText.quoted(text) }
        return value.text.isEmpty ? "null" : value.text
    }
}
