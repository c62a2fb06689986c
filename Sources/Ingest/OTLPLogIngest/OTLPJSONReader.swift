import Model
import Timekeeping
import WireFormats

/// Reads `ExportLogsServiceRequest` in OTLP's JSON: names in lower camel case, 64-bit numbers as texts or numbers, trace
/// and span ids in hexadecimal.
///
/// - Source: OTLP 1.x, section "JSON Protobuf Encoding"; unknown names are passed.
struct OTLPJSONReader {
    private typealias Failure = OTLPAllowance.Failure

    private let arrival: Timestamp
    private var allowance: OTLPAllowance
    private(set) var batch = OTLPLogBatch()

    init(settings: OTLPLogSettings, arrival: Timestamp) {
        allowance = OTLPAllowance(depthMax: settings.depthMax, budget: settings.decodedMax)
        self.arrival = arrival
    }

    mutating func read(_ bytes: Span<UInt8>) throws(OTLPAllowance.Failure) {
        for (name, value) in try members(bytes, 0..<bytes.count) where name == "resourceLogs" {
            for resource in try elements(bytes, value) { try readResource(bytes, resource) }
        }
    }

    // MARK: Layers

    private mutating func readResource(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>
    ) throws(Failure) {
        var surroundings = OTLPRecordBuilder.Surroundings()
        let parts = try members(bytes, range)
        for (name, value) in parts where name == "resource" {
            for (name, value) in try members(bytes, value) where name == "attributes" {
                surroundings.resource += try attributes(bytes, value)
            }
        }
        for (name, value) in parts where name == "scopeLogs" {
            for scope in try elements(bytes, value) {
                try readScope(bytes, scope, surroundings)
            }
        }
    }

    private mutating func readScope(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        _ outer: OTLPRecordBuilder.Surroundings
    ) throws(Failure) {
        var surroundings = outer
        let parts = try members(bytes, range)
        for (name, value) in parts where name == "scope" {
            for (name, value) in try members(bytes, value) {
                switch name {
                case "name":
                    let text = try text(bytes, value)
                    if !text.isEmpty { surroundings.scope.append(("scope", .string(text))) }
                case "attributes": surroundings.scope += try attributes(bytes, value)
                default: continue
                }
            }
        }
        let tag = surroundings.tag
        let shared = surroundings.scope.count + surroundings.resource.count
        for (name, value) in parts where name == "logRecords" {
            for record in try elements(bytes, value) {
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
    }

    private mutating func record(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>
    ) throws(Failure) -> OTLPRecordBuilder {
        var builder = OTLPRecordBuilder()
        for (name, value) in try members(bytes, range) {
            switch name {
            case "timeUnixNano": builder.timeNanoseconds = try unsigned(bytes, value)
            case "observedTimeUnixNano": builder.observedNanoseconds = try unsigned(bytes, value)
            case "severityNumber":
                builder.severityNumber = Int64(
                    truncatingIfNeeded: try unsigned(bytes, value) & 0x7fff_ffff
                )
            case "severityText": builder.severityText = try text(bytes, value)
            case "body": builder.body = try self.value(bytes, value, depth: 1)
            case "attributes":
                for element in try elements(bytes, value) {
                    if let pair = try pair(bytes, element, depth: 1) {
                        builder.attributes.append(pair)
                    }
                }
            case "traceId": builder.traceID = try text(bytes, value)
            case "spanId": builder.spanID = try text(bytes, value)
            case "eventName": builder.eventName = try text(bytes, value)
            default: continue
            }
        }
        return builder
    }

    // MARK: Values

    private mutating func attributes(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>
    ) throws(Failure) -> [(name: String, value: LogValue)] {
        var found: [(name: String, value: LogValue)] = []
        for element in try elements(bytes, range) {
            do throws(Failure) {
                if let pair = try pair(bytes, element, depth: 1) { found.append(pair) }
            } catch {
                // An attribute that is too deep is left out; a record is not lost for its resource.
                guard case .rejected = error else { throw error }
            }
        }
        return found
    }

    private mutating func pair(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        depth: Int
    ) throws(Failure) -> (name: String, value: LogValue)? {
        var key = ""
        var found = LogValue.null
        for (name, value) in try members(bytes, range) {
            switch name {
            case "key": key = try text(bytes, value)
            case "value": found = try self.value(bytes, value, depth: depth)
            default: continue
            }
        }
        return key.isEmpty ? nil : (key, found)
    }

    private mutating func value(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        depth: Int
    ) throws(Failure) -> LogValue {
        try allowance.check(depth: depth)
        try allowance.charge(64)
        for (name, value) in try members(bytes, range) {
            switch name {
            case "stringValue", "bytesValue": return .string(try text(bytes, value))
            case "boolValue": return .bool(try token(bytes, value) == .bool(true))
            case "intValue": return .integer(try integer(bytes, value))
            case "doubleValue": return .number(try number(bytes, value))
            case "arrayValue":
                var values: [LogValue] = []
                for (name, list) in try members(bytes, value) where name == "values" {
                    for element in try elements(bytes, list) {
                        values.append(try self.value(bytes, element, depth: depth + 1))
                    }
                }
                return .array(values)
            case "kvlistValue":
                var pairs: [(name: String, value: LogValue)] = []
                for (name, list) in try members(bytes, value) where name == "values" {
                    for element in try elements(bytes, list) {
                        if let pair = try pair(bytes, element, depth: depth + 1) {
                            pairs.append(pair)
                        }
                    }
                }
                return .object(pairs)
            default: continue
            }
        }
        return .null
    }

    // MARK: Texts and numbers

    private mutating func text(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>
    ) throws(Failure) -> String {
        var reader = JSONReader(bytes, in: range)
        switch try token(&reader) {
        case .string(let string):
            if range.count > 15 { try allowance.charge(range.count + 32) }
            do {
                return try reader.text(string, repairing: true)
            } catch {
                throw .malformed(error)
            }
        case .null: return ""
        default: throw .malformed(WireFormatError(.expected("a text"), at: range.lowerBound))
        }
    }

    private func token(_ reader: inout JSONReader) throws(Failure) -> JSONToken {
        do { return try reader.next() } catch { throw .malformed(error) }
    }

    private func token(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(Failure) -> JSONToken {
        var reader = JSONReader(bytes, in: range)
        return try token(&reader)
    }

    private func unsigned(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(Failure) -> UInt64 {
        switch try token(bytes, range) {
        case .string(let string):
            guard let number = UInt64(WireText.repaired(bytes, string.range)) else {
                throw .malformed(WireFormatError(.expected("a number"), at: range.lowerBound))
            }
            return number
        case .integer(let number): return UInt64(max(0, number))
        case .number(let number): return UInt64(exactly: number.rounded(.down)) ?? 0
        case .null: return 0
        default:
            throw .malformed(WireFormatError(.expected("a number"), at: range.lowerBound))
        }
    }

    private func integer(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(Failure) -> Int64 {
        switch try token(bytes, range) {
        case .string(let string):
            guard let number = Int64(WireText.repaired(bytes, string.range)) else {
                throw .malformed(WireFormatError(.expected("a number"), at: range.lowerBound))
            }
            return number
        case .integer(let number): return number
        case .number(let number): return Int64(exactly: number.rounded(.towardZero)) ?? 0
        default:
            throw .malformed(WireFormatError(.expected("a number"), at: range.lowerBound))
        }
    }

    private func number(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(Failure) -> Double {
        switch try token(bytes, range) {
        case .string(let string):
            // "NaN", "Infinity", "-Infinity", or a number.
            guard let number = Double(WireText.repaired(bytes, string.range)) else {
                throw .malformed(WireFormatError(.expected("a number"), at: range.lowerBound))
            }
            return number
        case .integer(let number): return Double(number)
        case .number(let number): return number
        default:
            throw .malformed(WireFormatError(.expected("a number"), at: range.lowerBound))
        }
    }

    // MARK: Parts

    private mutating func members(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>
    ) throws(Failure) -> [(name: String, value: Range<Int>)] {
        try JSONParts.members(bytes, range, &allowance).map {
            (WireText.repaired(bytes, $0.name.range), $0.value)
        }
    }

    private mutating func elements(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>
    ) throws(Failure) -> [Range<Int>] {
        try JSONParts.elements(bytes, range, &allowance)
    }
}
