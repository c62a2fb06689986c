package import Ingest
import WireFormats

/// Reads a page of metrics line by line: text exposition 0.0.4, or OpenMetrics 1.0.
///
/// It copies nothing: series, names and texts are ranges of the page. A series is passed as a whole; whoever has seen
/// its text before need not look at its labels again.
///
/// - Source: Prometheus's exposition formats and OpenMetrics 1.0, as Prometheus's own parsers take them.
package struct ExpositionReader: ~Escapable {
    /// What a line holds; a sample's own parts follow by `series` and `value`.
    package enum Line: Equatable {
        case sample
        case help(metric: Range<Int>, text: Range<Int>)
        case type(metric: Range<Int>, MetricMetadata.Kind)
        case unit(metric: Range<Int>, unit: Range<Int>)
        case end
    }

    private let bytes: Span<UInt8>
    private let isOpenMetrics: Bool
    /// Where the next byte is read.
    package private(set) var offset = 0

    /// Reads a page.
    ///
    /// - Parameters:
    ///   - bytes: All of it, unpacked.
    ///   - isOpenMetrics: Which of the two formats, as the answer's content type says.
    @_lifetime(copy bytes)
    package init(_ bytes: Span<UInt8>, isOpenMetrics: Bool) {
        self.bytes = bytes
        self.isOpenMetrics = isOpenMetrics
    }

    // MARK: Lines

    /// Goes to the next line that says something; at a sample it stands before the series.
    package mutating func next() throws(ExpositionError) -> Line {
        while true {
            if !isOpenMetrics { skipSpace() }
            guard offset < bytes.count else {
                guard !isOpenMetrics else {
                    throw error("the page does not end with # EOF; it may have been cut short")
                }
                return .end
            }
            switch bytes[offset] {
            case Byte.newLine where !isOpenMetrics: offset += 1
            case Byte.hash:
                if let line = try comment() { return line }
            case let byte where Byte.isNameStart(byte): return .sample
            default: throw error("expected the name of a metric, not \(excerpt)")
            }
        }
    }

    /// A line that begins with `#`; nil when it is only for people.
    private mutating func comment() throws(ExpositionError) -> Line? {
        offset += 1
        guard offset < bytes.count, bytes[offset] == 0x20 || !isOpenMetrics && bytes[offset] == 0x09
        else {
            guard !isOpenMetrics else { throw error("expected a space behind #") }
            skipLine()
            return nil
        }
        offset += 1
        if !isOpenMetrics { skipSpace() }
        if passWord("HELP") { return try help() }
        if passWord("TYPE") { return try type() }
        guard isOpenMetrics else {
            skipLine()
            return nil
        }
        if passWord("UNIT") { return try unit() }
        guard has("EOF") else {
            throw error("expected HELP, TYPE, UNIT or EOF, not \(excerpt)")
        }
        offset += 3
        if offset < bytes.count, bytes[offset] == Byte.newLine { offset += 1 }
        guard offset == bytes.count else { throw error("there is more behind # EOF") }
        return .end
    }

    private mutating func help() throws(ExpositionError) -> Line {
        let metric = try metricName()
        return .help(metric: metric, text: restOfLine())
    }

    private mutating func type() throws(ExpositionError) -> Line {
        let metric = try metricName()
        let text = restOfLine()
        let word = WireText.repaired(bytes, text)
        let kind: MetricMetadata.Kind? =
            if isOpenMetrics { MetricMetadata.Kind(rawValue: word) } else {
                switch word {
                case "counter", "gauge", "histogram", "summary": MetricMetadata.Kind(rawValue: word)
                case "untyped": .unknown
                default: nil
                }
            }
        guard let kind else {
            throw error("\"\(word)\" is no type of a metric", at: text.lowerBound)
        }
        return .type(metric: metric, kind)
    }

    private mutating func unit() throws(ExpositionError) -> Line {
        let metric = try metricName()
        let unit = restOfLine()
        let isSuffix =
            unit.isEmpty
            || unit.count < metric.count
                && (0..<unit.count).allSatisfy {
                    bytes[metric.upperBound - unit.count + $0] == bytes[unit.lowerBound + $0]
                }
        guard isSuffix else {
            throw error("the unit is not at the end of the metric's name", at: unit.lowerBound)
        }
        return .unit(metric: metric, unit: unit)
    }

    // MARK: Samples

    /// Passes the series at which `next` has stopped.
    ///
    /// - Parameter label: Told of each label's name and value; of values as they are written, escapes in them.
    /// - Returns: All of the series's text; its name is what comes before `{`.
    /// - Throws: Where it is no series.
    package mutating func series(
        _ label: (_ name: Range<Int>, _ value: Range<Int>) -> Void = { _, _ in }
    ) throws(ExpositionError) -> Range<Int> {
        let start = offset
        passName(allowsColon: true)
        let end = offset
        if !isOpenMetrics { skipSpace() }
        guard offset < bytes.count, bytes[offset] == Byte.braceOpen else {
            offset = end
            return start..<end
        }
        offset += 1
        try labels(label)
        return start..<offset
    }

    /// Moves behind a series whose text was seen before.
    ///
    /// - Returns: False, with nothing moved, when the series here may be another one that begins with it.
    package mutating func pass(known count: Int) -> Bool {
        let end = offset + count
        guard end < bytes.count else { return false }
        if bytes[end - 1] == Byte.braceClose {
            offset = end
            return true
        }
        guard bytes[end] == 0x20 || bytes[end] == 0x09 else { return false }
        var next = end
        while next < bytes.count, bytes[next] == 0x20 || bytes[next] == 0x09 { next += 1 }
        guard next < bytes.count, bytes[next] != Byte.braceOpen else { return false }
        offset = end
        return true
    }

    /// Passes what follows a series, to the end of its line: the value, a time, an exemplar.
    ///
    /// - Returns: The value, every NaN as the same one, and the time in milliseconds where there is one.
    package mutating func value() throws(ExpositionError) -> (Double, timestamp: Int64?) {
        let token = try token("a value")
        guard let value = FloatText.parse(bytes, token) else {
            throw error("\(excerpt(token)) is no number", at: token.lowerBound)
        }
        guard isOpenMetrics else {
            let timestamp = try textTimestamp()
            return (value, timestamp)
        }
        var timestamp: Int64?
        if !isAtLineEnd, !isAtExemplar { timestamp = try openMetricsTimestamp() }
        if isAtExemplar { try exemplar() }
        guard offset < bytes.count, bytes[offset] == Byte.newLine else {
            throw error("expected the end of the line, not \(excerpt)")
        }
        offset += 1
        return (value, timestamp)
    }

    private mutating func textTimestamp() throws(ExpositionError) -> Int64? {
        skipSpace()
        guard !isAtLineEnd else {
            offset = min(offset + 1, bytes.count)
            return nil
        }
        let start = offset
        var time: Int64 = 0
        while offset < bytes.count, case let digit = bytes[offset] &- 0x30, digit < 10 {
            let (scaled, overflow) = time.multipliedReportingOverflow(by: 10)
            let (sum, carry) = scaled.addingReportingOverflow(Int64(digit))
            guard !overflow, !carry else { throw error("the time is too large", at: start) }
            time = sum
            offset += 1
        }
        skipSpace()
        guard offset > start, isAtLineEnd else {
            throw error("expected a time in milliseconds, not \(excerpt)")
        }
        offset = min(offset + 1, bytes.count)
        return time
    }

    private mutating func openMetricsTimestamp() throws(ExpositionError) -> Int64 {
        let token = try token("a time")
        guard let seconds = FloatText.parse(bytes, token), abs(seconds) < 9e15 else {
            throw error("\(excerpt(token)) is no time in seconds", at: token.lowerBound)
        }
        return Int64(seconds * 1000)
    }

    private var isAtExemplar: Bool {
        offset + 3 < bytes.count && bytes[offset] == 0x20 && bytes[offset + 1] == Byte.hash
            && bytes[offset + 2] == 0x20 && bytes[offset + 3] == Byte.braceOpen
    }

    private mutating func exemplar() throws(ExpositionError) {
        offset += 4
        try labels { _, _ in }
        let value = try token("the exemplar's value")
        guard FloatText.parse(bytes, value) != nil else {
            throw error("\(excerpt(value)) is no number", at: value.lowerBound)
        }
        if !isAtLineEnd { _ = try openMetricsTimestamp() }
    }

    // MARK: Labels

    /// Passes labels from behind `{` to behind `}`.
    private mutating func labels(
        _ label: (_ name: Range<Int>, _ value: Range<Int>) -> Void
    ) throws(ExpositionError) {
        var isFirst = true
        while true {
            if !isOpenMetrics { skipSpace() }
            guard offset < bytes.count else { throw error("the labels do not end") }
            if bytes[offset] == Byte.braceClose {
                offset += 1
                return
            }
            if isOpenMetrics, !isFirst {
                guard bytes[offset] == Byte.comma else { throw error("expected , or }") }
                offset += 1
            }
            isFirst = false
            let name = offset
            passName(allowsColon: false)
            guard offset > name else { throw error("expected the name of a label, not \(excerpt)") }
            let nameEnd = offset
            if !isOpenMetrics { skipSpace() }
            guard offset < bytes.count, bytes[offset] == Byte.equals else {
                throw error("expected = behind the name of a label")
            }
            offset += 1
            if !isOpenMetrics { skipSpace() }
            label(name..<nameEnd, try quoted())
            guard !isOpenMetrics else { continue }
            skipSpace()
            if offset < bytes.count, bytes[offset] == Byte.comma { offset += 1 }
        }
    }

    /// Passes a text in quotes; what stands between them, escapes as they are.
    private mutating func quoted() throws(ExpositionError) -> Range<Int> {
        guard offset < bytes.count, bytes[offset] == Byte.quote else {
            throw error("expected a value in quotes, not \(excerpt)")
        }
        offset += 1
        let start = offset
        while offset < bytes.count {
            switch bytes[offset] {
            case Byte.quote:
                offset += 1
                return start..<(offset - 1)
            case Byte.backslash: offset += 2
            case Byte.newLine where isOpenMetrics: throw error("a value in quotes does not end")
            default: offset += 1
            }
        }
        offset = min(offset, bytes.count)
        throw error("a value in quotes does not end", at: start)
    }

    // MARK: Pieces

    /// A word without spaces and what is before it: one space in OpenMetrics, any blanks in text.
    private mutating func token(_ what: String) throws(ExpositionError) -> Range<Int> {
        if isOpenMetrics {
            guard offset < bytes.count, bytes[offset] == 0x20 else {
                throw error("expected a space and \(what), not \(excerpt)")
            }
            offset += 1
        } else {
            skipSpace()
        }
        let start = offset
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte == 0x20 || byte == Byte.newLine || !isOpenMetrics && byte == 0x09 { break }
            offset += 1
        }
        guard offset > start else { throw error("expected \(what), not \(excerpt)") }
        return start..<offset
    }

    private mutating func metricName() throws(ExpositionError) -> Range<Int> {
        if !isOpenMetrics { skipSpace() }
        let start = offset
        passName(allowsColon: true)
        guard offset > start else {
            throw error("expected the name of a metric, not \(excerpt)")
        }
        return start..<offset
    }

    /// Passes `[a-zA-Z_][a-zA-Z0-9_]*`, or nothing.
    private mutating func passName(allowsColon: Bool) {
        guard offset < bytes.count, Byte.isNameStart(bytes[offset]),
            allowsColon || bytes[offset] != Byte.colon
        else { return }
        while offset < bytes.count {
            let byte = bytes[offset]
            guard LabelText.isNameByte(byte) || allowsColon && byte == Byte.colon else { return }
            offset += 1
        }
    }

    /// Passes a word and the blank behind it.
    private mutating func passWord(_ word: StaticString) -> Bool {
        let end = offset + word.utf8CodeUnitCount
        guard has(word), end < bytes.count,
            bytes[end] == 0x20 || !isOpenMetrics && bytes[end] == 0x09
        else { return false }
        offset = end + 1
        return true
    }

    private func has(_ word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard count <= bytes.count - offset else { return false }
        for index in 0..<count
        // A static string's bytes live for ever, and `index` is within them.
        where unsafe bytes[offset + index] != word.utf8Start[index] { return false }
        return true
    }

    /// The rest of the line without blanks around it, moving behind the line.
    private mutating func restOfLine() -> Range<Int> {
        skipSpace()
        let start = offset
        while offset < bytes.count, bytes[offset] != Byte.newLine { offset += 1 }
        var end = offset
        while end > start, bytes[end - 1] == 0x20 || bytes[end - 1] == 0x09 { end -= 1 }
        offset = min(offset + 1, bytes.count)
        return start..<end
    }

    private mutating func skipLine() {
        while offset < bytes.count, bytes[offset] != Byte.newLine { offset += 1 }
        offset = min(offset + 1, bytes.count)
    }

    @inline(__always)
    private mutating func skipSpace() {
        while offset < bytes.count, bytes[offset] == 0x20 || bytes[offset] == 0x09 { offset += 1 }
    }

    private var isAtLineEnd: Bool { offset >= bytes.count || bytes[offset] == Byte.newLine }

    // MARK: Errors

    private var excerpt: String {
        guard offset < bytes.count else { return "the end of the page" }
        guard bytes[offset] != Byte.newLine else { return "the end of the line" }
        var end = offset
        while end < bytes.count, end < offset + 20, bytes[end] != Byte.newLine { end += 1 }
        return excerpt(offset..<end)
    }

    private func excerpt(_ range: Range<Int>) -> String {
        let cut = range.lowerBound..<min(range.upperBound, range.lowerBound + 40)
        return "\"\(WireText.repaired(bytes, cut))\""
    }

    private func error(_ reason: String, at place: Int? = nil) -> ExpositionError {
        var line = 1
        for index in 0..<min(place ?? offset, bytes.count) where bytes[index] == Byte.newLine {
            line += 1
        }
        return ExpositionError(line: line, reason: reason)
    }
}

/// Bytes with a meaning.
enum Byte {
    static let newLine: UInt8 = 0x0a
    static let quote: UInt8 = 0x22
    static let hash: UInt8 = 0x23
    static let comma: UInt8 = 0x2c
    static let colon: UInt8 = 0x3a
    static let equals: UInt8 = 0x3d
    static let backslash: UInt8 = 0x5c
    static let braceOpen: UInt8 = 0x7b
    static let braceClose: UInt8 = 0x7d

    @inline(__always)
    static func isNameStart(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- 0x61 < 26 || byte == 0x5f || byte == colon
    }
}
