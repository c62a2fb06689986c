import Model
import Timekeeping
import WireFormats

/// The entries of one message as they are found, the invalid ones counted.
struct Collected {
    let tag: String
    private let arrival: Timestamp
    private let entriesMax: Int
    private var seen = 0
    private(set) var records: [LogRecord] = []
    private(set) var invalid = 0
    private(set) var firstInvalid: String?

    init(tag: String, arrival: Timestamp, entriesMax: Int) {
        self.tag = tag
        self.arrival = arrival
        self.entriesMax = entriesMax
    }

    /// Counts something that is no entry.
    mutating func note(_ failure: RecordReader.Failure) {
        switch failure {
        case .invalid(let reason): note(reason)
        case .malformed(let error): note("\(error.reason)")
        case .overBudget: note("it takes too much memory")
        case .tooManyEntries: note("it has too many entries")
        }
    }

    private mutating func note(_ reason: String) {
        invalid += 1
        if firstInvalid == nil { firstInvalid = "an entry of \(tag) is invalid: \(reason)" }
    }

    private mutating func add(_ time: Timestamp?, _ fields: [(name: String, value: LogValue)]?) {
        guard let fields else { return }
        records.append(
            LogRecord(tag: tag, eventTime: time ?? arrival, arrivalTime: arrival, fields: fields)
        )
    }

    /// Adds a time and a record that stand at the reader's place and at `recordAt`.
    mutating func addPair(
        _ reader: inout MessagePackReader,
        _ bytes: Span<UInt8>,
        _ records: inout RecordReader,
        recordAt: Int
    ) throws(RecordReader.Failure) {
        let time = try records.time(&reader, bytes)
        reader.offset = recordAt
        add(time, try records.fields(&reader, bytes))
    }

    /// Adds the entries of an array.
    mutating func addList(
        _ reader: inout MessagePackReader,
        _ bytes: Span<UInt8>,
        _ records: inout RecordReader
    ) throws(RecordReader.Failure) {
        do {
            guard case .array(let count) = try reader.next() else { return }
            guard count <= entriesMax else { throw RecordReader.Failure.tooManyEntries }
            for _ in 0..<count { try addEntry(&reader, bytes, &records) }
        } catch let failure as RecordReader.Failure {
            throw failure
        } catch let error as WireFormatError {
            throw .malformed(error)
        } catch {
            throw .invalid("\(error)")
        }
    }

    /// Adds the entries that stand back to back in a range.
    ///
    /// - Throws: `malformed` where the stream breaks off; the entries before it are in.
    mutating func addStream(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        _ records: inout RecordReader
    ) throws(RecordReader.Failure) {
        var reader = MessagePackReader(bytes, in: range)
        while !reader.isAtEnd { try addEntry(&reader, bytes, &records) }
    }

    /// Adds one `[time, record]`; one that is invalid is counted and passed.
    private mutating func addEntry(
        _ reader: inout MessagePackReader,
        _ bytes: Span<UInt8>,
        _ records: inout RecordReader
    ) throws(RecordReader.Failure) {
        seen += 1
        guard seen <= entriesMax else { throw .tooManyEntries }
        let start = reader.offset
        let end: Int
        do {
            end = try reader.skip().upperBound
        } catch {
            throw .malformed(error)
        }
        defer { reader.offset = end }
        reader.offset = start
        do {
            guard case .array(let count) = try reader.next(), count >= 2 else {
                note("it is no [time, record]")
                return
            }
            let time = try records.time(&reader, bytes)
            add(time, try records.fields(&reader, bytes))
        } catch RecordReader.Failure.overBudget {
            throw .overBudget
        } catch let failure as RecordReader.Failure {
            note(failure)
        } catch let error as WireFormatError {
            note("\(error.reason)")
        } catch {
            note("\(error)")
        }
    }

    /// Adds one `[time, record]` of a JSON message.
    mutating func add(json entry: LogValue) {
        guard case .array(let parts) = entry, parts.count >= 2 else {
            note("it is no [time, record]")
            return
        }
        var time = parts[0]
        if case .array(let pair) = time, let first = pair.first { time = first }
        let moment: Timestamp?
        switch time {
        case .null: moment = nil
        case .integer, .number:
            let seconds = time.numeric ?? 0
            do {
                moment = seconds == 0 ? nil : try RecordReader.time(seconds: seconds)
            } catch {
                note(error)
                return
            }
        case .bool, .string, .array, .object:
            note("its time is no time")
            return
        }
        switch parts[1] {
        case .null: return
        case .object(let fields): add(moment, fields)
        case .bool, .integer, .number, .string, .array: note("its record is no map")
        }
    }
}
