import Model
import Timekeeping
import WireFormats

/// Reads documents out of a request's body, within depth and memory limits.
struct DocumentReader {
    enum Failure: Error {
        /// This document is none; its neighbours may be.
        case malformed(WireFormatError)
        /// The request as a whole takes more memory than it may.
        case overBudget
    }

    /// A document's fields, and when its event was.
    struct Document {
        var fields: [(name: String, value: LogValue)] = []
        /// Nil when it does not say.
        var time: Timestamp?
        /// It has an `@timestamp`, which is no time.
        var isTimeUnreadable = false
    }

    private let depthMax: Int
    /// Bytes of memory that may still be taken, by estimate.
    private var budget: Int
    private var names = FieldNameCache()
    /// Names passed in the document so far.
    private var place = 0
    /// Fields that the document before had: the next one has as many, mostly.
    private var fieldsExpected = 8

    init(depthMax: Int, budget: Int) {
        self.depthMax = depthMax
        self.budget = budget
    }

    /// Takes from the budget what something beside the documents needs.
    mutating func charge(_ bytes: Int) throws(Failure) {
        budget -= bytes
        guard budget >= 0 else { throw .overBudget }
    }

    /// Reads the one object that a range holds.
    mutating func document(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>
    ) throws(Failure) -> Document {
        var reader = JSONReader(bytes, in: range, depthMax: depthMax)
        var document = Document()
        var priority = Int.max
        place = 0
        document.fields.reserveCapacity(fieldsExpected)
        guard try next(&reader) == .objectStart else {
            throw .malformed(WireFormatError(.expected("an object"), at: range.lowerBound))
        }
        while case .name(let name) = try next(&reader) {
            let text = try self.text(of: name, bytes, reader)
            let token = try next(&reader)
            if let rank = DocumentReader.rank(bytes, name), rank < priority {
                let time = DocumentReader.time(token, bytes)
                if let time {
                    document.time = time
                    priority = rank
                } else if rank == 0 {
                    document.isTimeUnreadable = true
                }
            }
            document.fields.append((text, try value(token, &reader, bytes)))
        }
        guard try next(&reader) == .end else { preconditionFailure("the reader ends with end") }
        fieldsExpected = min(document.fields.count, 64)
        return document
    }

    /// How much a field's name says that it is the event's time, 0 the most; nil when it is not.
    private static func rank(_ bytes: Span<UInt8>, _ name: JSONString) -> Int? {
        guard let first = name.range.first, bytes[first] == 0x40 || bytes[first] == 0x74 else {
            return nil
        }
        return DocumentTime.fields.firstIndex { field in
            guard field.utf8CodeUnitCount == name.range.count else { return false }
            // A static string's bytes live for ever and the count was just compared.
            let wanted = unsafe Span(
                _unsafeStart: field.utf8Start,
                count: field.utf8CodeUnitCount
            )
            for index in 0..<wanted.count where wanted[index] != bytes[first + index] {
                return false
            }
            return true
        }
    }

    private static func time(_ token: JSONToken, _ bytes: Span<UInt8>) -> Timestamp? {
        switch token {
        case .string(let text): DocumentTime.time(text: bytes, text.range)
        case .integer(let number): DocumentTime.time(number: Double(number))
        case .number(let number): DocumentTime.time(number: number)
        case .objectStart, .objectEnd, .arrayStart, .arrayEnd, .name, .bool, .null, .end: nil
        }
    }

    private mutating func members(
        _ reader: inout JSONReader,
        _ bytes: Span<UInt8>
    ) throws(Failure) -> [(name: String, value: LogValue)] {
        var members: [(name: String, value: LogValue)] = []
        members.reserveCapacity(8)
        while case .name(let name) = try next(&reader) {
            let text = try self.text(of: name, bytes, reader)
            members.append((text, try value(try next(&reader), &reader, bytes)))
        }
        return members
    }

    private mutating func text(
        of name: JSONString,
        _ bytes: Span<UInt8>,
        _ reader: JSONReader
    ) throws(Failure) -> String {
        defer { place += 1 }
        guard name.hasEscapes else { return names.text(bytes, name.range, at: place) }
        return try text(name, reader)
    }

    /// Recursion is bounded by the reader's depth limit.
    private mutating func value(
        _ token: JSONToken,
        _ reader: inout JSONReader,
        _ bytes: Span<UInt8>
    ) throws(Failure) -> LogValue {
        try charge(48)
        switch token {
        case .null: return .null
        case .bool(let value): return .bool(value)
        case .integer(let value): return .integer(value)
        case .number(let value): return .number(value)
        case .string(let string):
            if string.range.count > 15 { try charge(string.range.count + 32) }
            guard string.hasEscapes else { return .string(WireText.repaired(bytes, string.range)) }
            return .string(try text(string, reader))
        case .objectStart: return .object(try members(&reader, bytes))
        case .arrayStart:
            var values: [LogValue] = []
            while true {
                let token = try next(&reader)
                if token == .arrayEnd { return .array(values) }
                values.append(try value(token, &reader, bytes))
            }
        case .objectEnd, .arrayEnd, .name, .end:
            throw .malformed(WireFormatError(.expected("a value"), at: reader.offset))
        }
    }

    private func text(
        _ string: JSONString,
        _ reader: JSONReader
    ) throws(Failure) -> String {
        do {
            return try reader.text(string, repairing: true)
        } catch {
            throw .malformed(error)
        }
    }

    private func next(_ reader: inout JSONReader) throws(Failure) -> JSONToken {
        do {
            return try reader.next()
        } catch {
            throw .malformed(error)
        }
    }
}
