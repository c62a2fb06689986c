import Model
import Timekeeping
import WireFormats

/// Reads times and records out of MessagePack, within depth and memory limits.
struct RecordReader {
    enum Failure: Error {
        /// This value is no time or record; the stream can go on behind it.
        case invalid(String)
        /// The message as a whole takes more memory than it may.
        case overBudget
        /// The message as a whole has more entries than it may.
        case tooManyEntries
        case malformed(WireFormatError)
    }

    private let depthMax: Int
    /// Bytes of memory that may still be taken, by estimate.
    private var budget: Int

    init(depthMax: Int, budget: Int) {
        self.depthMax = depthMax
        self.budget = budget
    }

    /// Reads an event time: seconds, seconds with a fraction, EventTime, or `[time, metadata]`.
    ///
    /// - Returns: Nil for zero and `nil`, which mean now.
    func time(
        _ reader: inout MessagePackReader,
        _ bytes: Span<UInt8>
    ) throws(Failure) -> Timestamp? {
        let token = try next(&reader)
        guard case .array(let count) = token else { return try RecordReader.time(token, bytes) }
        guard count > 0 else { throw .invalid("an empty array is no time") }
        let time = try RecordReader.time(try next(&reader), bytes)
        for _ in 1..<count { try skip(&reader) }
        return time
    }

    private static func time(
        _ token: MessagePackToken,
        _ bytes: Span<UInt8>
    ) throws(Failure) -> Timestamp? {
        switch token {
        case .null: return nil
        case .integer(let seconds):
            guard seconds != 0 else { return nil }
            return try time(seconds: Double(seconds))
        case .number(let seconds):
            guard seconds != 0 else { return nil }
            return try time(seconds: seconds)
        case .extended(type: 0, let range) where range.count == 8:
            let (seconds, nanoseconds) = eventTime(bytes, range)
            guard seconds != 0 else { return nil }
            return Timestamp(milliseconds: Int64(seconds) * 1000 + Int64(nanoseconds / 1_000_000))
        case .extended(let type, _): throw .invalid("extension type \(type) is no time")
        case .bool, .unsigned, .string, .binary, .array, .map: throw .invalid("its time is no time")
        }
    }

    /// Seconds and nanoseconds of an EventTime, both big-endian.
    private static func eventTime(_ bytes: Span<UInt8>, _ range: Range<Int>) -> (UInt32, UInt32) {
        func number(_ start: Int) -> UInt32 {
            (start..<start + 4).reduce(0) { $0 << 8 | UInt32(bytes[$1]) }
        }
        return (number(range.lowerBound), number(range.lowerBound + 4))
    }

    static func time(seconds: Double) throws(Failure) -> Timestamp {
        // The year 9999: beyond it a number is not meant as seconds.
        guard seconds.isFinite, abs(seconds) < 253_402_300_800 else {
            throw .invalid("\(seconds) is no time in seconds")
        }
        return Timestamp(seconds: seconds)
    }

    /// Reads a record, which is a map; nil for `nil`, which is skipped.
    mutating func fields(
        _ reader: inout MessagePackReader,
        _ bytes: Span<UInt8>
    ) throws(Failure) -> [(name: String, value: LogValue)]? {
        switch try next(&reader) {
        case .null: return nil
        case .map(let count):
            try charge(80)
            return try members(count, &reader, bytes, depth: 1)
        case .bool, .integer, .unsigned, .number, .string, .binary, .array, .extended:
            throw .invalid("its record is no map")
        }
    }

    private mutating func members(
        _ count: Int,
        _ reader: inout MessagePackReader,
        _ bytes: Span<UInt8>,
        depth: Int
    ) throws(Failure) -> [(name: String, value: LogValue)] {
        guard depth <= depthMax else {
            throw .invalid("it is nested deeper than \(depthMax) levels")
        }
        // Growth, not reservation, follows the count: it is only as true as the bytes behind it.
        var members: [(name: String, value: LogValue)] = []
        members.reserveCapacity(min(count, 64))
        for _ in 0..<count {
            let name = try name(try next(&reader), bytes)
            members.append((name, try value(&reader, bytes, depth: depth)))
        }
        return members
    }

    private mutating func name(
        _ token: MessagePackToken,
        _ bytes: Span<UInt8>
    ) throws(Failure) -> String {
        switch token {
        case .string(let range), .binary(let range): return try text(bytes, range)
        case .integer(let value): return "\(value)"
        case .unsigned(let value): return "\(value)"
        case .number(let value): return "\(value)"
        case .bool(let value): return value ? "true" : "false"
        case .null: return ""
        case .array, .map, .extended: throw .invalid("a key of its record is a container")
        }
    }

    private mutating func value(
        _ reader: inout MessagePackReader,
        _ bytes: Span<UInt8>,
        depth: Int
    ) throws(Failure) -> LogValue {
        try charge(56)
        switch try next(&reader) {
        case .null: return .null
        case .bool(let value): return .bool(value)
        case .integer(let value): return .integer(value)
        case .unsigned(let value): return .number(Double(value))
        case .number(let value): return .number(value)
        case .string(let range), .binary(let range): return .string(try text(bytes, range))
        case .map(let count):
            return .object(try members(count, &reader, bytes, depth: depth + 1))
        case .array(let count):
            guard depth < depthMax else {
                throw .invalid("it is nested deeper than \(depthMax) levels")
            }
            var values: [LogValue] = []
            for _ in 0..<count {
                values.append(try value(&reader, bytes, depth: depth + 1))
            }
            return .array(values)
        case .extended(type: 0, let range) where range.count == 8:
            let (seconds, nanoseconds) = RecordReader.eventTime(bytes, range)
            return .number(Double(seconds) + Double(nanoseconds) / 1e9)
        case .extended(_, let range): return .string(try text(bytes, range))
        }
    }

    private mutating func text(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>
    ) throws(Failure) -> String {
        if range.count > 15 { try charge(range.count + 32) }
        return WireText.repaired(bytes, range)
    }

    private mutating func charge(_ bytes: Int) throws(Failure) {
        budget -= bytes
        guard budget >= 0 else { throw .overBudget }
    }

    private func next(_ reader: inout MessagePackReader) throws(Failure) -> MessagePackToken {
        do {
            return try reader.next()
        } catch {
            throw .malformed(error)
        }
    }

    private func skip(_ reader: inout MessagePackReader) throws(Failure) {
        do {
            try reader.skip()
        } catch {
            throw .malformed(error)
        }
    }
}
