import Cryptography
import Model
import Timekeeping
import WireFormats

/// Reads `ExportLogsServiceRequest` in protobuf.
///
/// - Source: opentelemetry-proto 1.x, `collector/logs/v1`, `logs/v1`, `common/v1`; unknown fields are passed.
struct OTLPProtobufReader {
    private typealias Failure = OTLPAllowance.Failure

    private let arrival: Timestamp
    private var allowance: OTLPAllowance
    private(set) var batch = OTLPLogBatch()

    init(settings: OTLPLogSettings, arrival: Timestamp) {
        allowance = OTLPAllowance(depthMax: settings.depthMax, budget: settings.decodedMax)
        self.arrival = arrival
    }

    mutating func read(_ bytes: Span<UInt8>) throws(OTLPAllowance.Failure) {
        var reader = ProtobufReader(bytes)
        while let tag = try self.tag(&reader) {
            if try isMessage(tag, 1, &reader) {
                try readResource(bytes, try delimited(&reader))
            }
        }
    }

    // MARK: Layers

    private mutating func readResource(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>
    ) throws(Failure) {
        var surroundings = OTLPRecordBuilder.Surroundings()
        // A field may come in any order: the resource is looked for before the records that need it.
        var scopes: [Range<Int>] = []
        var reader = ProtobufReader(bytes, in: range)
        while let tag = try self.tag(&reader) {
            if try isMessage(tag, 1, &reader, skipping: false) {
                let found = try attributes(bytes, try delimited(&reader), field: 1)
                surroundings.resource += found
            } else if try isMessage(tag, 2, &reader) {
                scopes.append(try delimited(&reader))
            }
        }
        for scope in scopes { try readScope(bytes, scope, surroundings) }
    }

    private mutating func readScope(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        _ outer: OTLPRecordBuilder.Surroundings
    ) throws(Failure) {
        var surroundings = outer
        var records: [Range<Int>] = []
        var reader = ProtobufReader(bytes, in: range)
        while let tag = try self.tag(&reader) {
            if try isMessage(tag, 1, &reader, skipping: false) {
                let scope = try delimited(&reader)
                surroundings.scope += try name(bytes, scope)
                surroundings.scope += try attributes(bytes, scope, field: 3)
            } else if try isMessage(tag, 2, &reader) {
                records.append(try delimited(&reader))
            }
        }
        let tag = surroundings.tag
        let shared = surroundings.scope.count + surroundings.resource.count
        for record in records {
            try allowance.charge(160 + shared * 48)
            do throws(Failure) {
                let builder = try self.record(bytes, record)
                batch.records.append(
                    builder.record(in: surroundings, tag: tag, arrival: arrival)
                )
            } catch {
                guard case .rejected(let reason) = error else { throw error }
                batch.rejected += 1
                if batch.firstRejection.isEmpty { batch.firstRejection = reason }
            }
        }
    }

    /// The scope's name as a field; its version nobody counts by.
    private mutating func name(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>
    ) throws(Failure) -> [(name: String, value: LogValue)] {
        var reader = ProtobufReader(bytes, in: range)
        var found: [(name: String, value: LogValue)] = []
        while let tag = try self.tag(&reader) {
            guard try isMessage(tag, 1, &reader) else { continue }
            let text = try self.text(bytes, try delimited(&reader))
            if !text.isEmpty { found.append(("scope", .string(text))) }
        }
        return found
    }

    private mutating func record(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>
    ) throws(Failure) -> OTLPRecordBuilder {
        var builder = OTLPRecordBuilder()
        var reader = ProtobufReader(bytes, in: range)
        while let tag = try self.tag(&reader) {
            switch (tag.field, tag.wireType) {
            case (1, .fixed64): builder.timeNanoseconds = try fixed64(&reader)
            case (2, .varint):
                builder.severityNumber = Int64(truncatingIfNeeded: try varint(&reader))
            case (3, .delimited): builder.severityText = try text(bytes, try delimited(&reader))
            case (5, .delimited):
                builder.body = try value(bytes, try delimited(&reader), depth: 1)
            case (6, .delimited):
                if let pair = try pair(bytes, try delimited(&reader), depth: 1) {
                    builder.attributes.append(pair)
                }
            case (9, .delimited): builder.traceID = Self.hex(bytes, try delimited(&reader))
            case (10, .delimited): builder.spanID = Self.hex(bytes, try delimited(&reader))
            case (11, .fixed64): builder.observedNanoseconds = try fixed64(&reader)
            case (12, .delimited): builder.eventName = try text(bytes, try delimited(&reader))
            default: try skip(tag, &reader)
            }
        }
        return builder
    }

    // MARK: Values

    private mutating func attributes(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        field: Int
    ) throws(Failure) -> [(name: String, value: LogValue)] {
        var found: [(name: String, value: LogValue)] = []
        var reader = ProtobufReader(bytes, in: range)
        while let tag = try self.tag(&reader) {
            guard try isMessage(tag, field, &reader) else { continue }
            let range = try delimited(&reader)
            do throws(Failure) {
                if let pair = try pair(bytes, range, depth: 1) { found.append(pair) }
            } catch {
                // An attribute that is too deep is left out; a record is not lost for its resource.
                guard case .rejected = error else { throw error }
            }
        }
        return found
    }

    /// A key and its value; nil without a key.
    private mutating func pair(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        depth: Int
    ) throws(Failure) -> (name: String, value: LogValue)? {
        var key = ""
        var found = LogValue.null
        var reader = ProtobufReader(bytes, in: range)
        while let tag = try self.tag(&reader) {
            switch (tag.field, tag.wireType) {
            case (1, .delimited): key = try text(bytes, try delimited(&reader))
            case (2, .delimited): found = try value(bytes, try delimited(&reader), depth: depth)
            default: try skip(tag, &reader)
            }
        }
        return key.isEmpty ? nil : (key, found)
    }

    /// An `AnyValue`: the last of its alternatives that is there.
    private mutating func value(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        depth: Int
    ) throws(Failure) -> LogValue {
        try allowance.check(depth: depth)
        try allowance.charge(64)
        var found = LogValue.null
        var reader = ProtobufReader(bytes, in: range)
        while let tag = try self.tag(&reader) {
            switch (tag.field, tag.wireType) {
            case (1, .delimited): found = .string(try text(bytes, try delimited(&reader)))
            case (2, .varint): found = .bool(try varint(&reader) != 0)
            case (3, .varint): found = .integer(Int64(bitPattern: try varint(&reader)))
            case (4, .fixed64): found = .number(Double(bitPattern: try fixed64(&reader)))
            case (5, .delimited):
                found = .array(try values(bytes, try delimited(&reader), depth: depth + 1))
            case (6, .delimited):
                found = .object(try members(bytes, try delimited(&reader), depth: depth + 1))
            case (7, .delimited):
                let content = try delimited(&reader)
                try allowance.charge(content.count * 2)
                found = .string(Base64.encode(WireText.copy(bytes, content)))
            default: try skip(tag, &reader)
            }
        }
        return found
    }

    private mutating func values(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        depth: Int
    ) throws(Failure) -> [LogValue] {
        var found: [LogValue] = []
        var reader = ProtobufReader(bytes, in: range)
        while let tag = try self.tag(&reader) {
            guard try isMessage(tag, 1, &reader) else { continue }
            found.append(try value(bytes, try delimited(&reader), depth: depth))
        }
        return found
    }

    private mutating func members(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        depth: Int
    ) throws(Failure) -> [(name: String, value: LogValue)] {
        var found: [(name: String, value: LogValue)] = []
        var reader = ProtobufReader(bytes, in: range)
        while let tag = try self.tag(&reader) {
            guard try isMessage(tag, 1, &reader) else { continue }
            if let pair = try pair(bytes, try delimited(&reader), depth: depth) {
                found.append(pair)
            }
        }
        return found
    }

    private mutating func text(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>
    ) throws(Failure) -> String {
        if range.count > 15 { try allowance.charge(range.count + 32) }
        return WireText.repaired(bytes, range)
    }

    private static func hex(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String {
        // A trace id has 16 bytes; more is none, and all zeros means that there is none.
        guard range.count <= 32, range.contains(where: { bytes[$0] != 0 }) else { return "" }
        return Hexadecimal.encode(WireText.copy(bytes, range))
    }

    // MARK: Fields

    /// True when the field is the message or text wanted, whose length comes next; what is not is passed.
    private func isMessage(
        _ tag: ProtobufTag,
        _ field: Int,
        _ reader: inout ProtobufReader,
        skipping: Bool = true
    ) throws(Failure) -> Bool {
        if tag.field == field, tag.wireType == .delimited { return true }
        if skipping { try skip(tag, &reader) }
        return false
    }

    private func tag(_ reader: inout ProtobufReader) throws(Failure) -> ProtobufTag? {
        do { return try reader.tag() } catch { throw .malformed(error) }
    }

    private func delimited(_ reader: inout ProtobufReader) throws(Failure) -> Range<Int> {
        do { return try reader.delimited() } catch { throw .malformed(error) }
    }

    private func varint(_ reader: inout ProtobufReader) throws(Failure) -> UInt64 {
        do { return try reader.varint() } catch { throw .malformed(error) }
    }

    private func fixed64(_ reader: inout ProtobufReader) throws(Failure) -> UInt64 {
        do { return try reader.fixed64() } catch { throw .malformed(error) }
    }

    private func skip(_ tag: ProtobufTag, _ reader: inout ProtobufReader) throws(Failure) {
        do { try reader.skip(tag) } catch { throw .malformed(error) }
    }
}
