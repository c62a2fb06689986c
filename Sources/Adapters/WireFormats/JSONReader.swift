import Buffers

/// A string of a JSON text as it stands there, between its quotes.
package struct JSONString: Hashable, Sendable {
    /// The bytes between the quotes.
    package var range: Range<Int>
    /// True when a backslash is among them, so that the bytes are not yet the text.
    package var hasEscapes: Bool
}

/// The next piece of a JSON text.
package enum JSONToken: Hashable, Sendable {
    case objectStart, objectEnd, arrayStart, arrayEnd
    /// The name of an object's member; its value follows.
    case name(JSONString)
    case string(JSONString)
    /// A number without fraction and exponent that fits; `-0` is a `number`.
    case integer(Int64)
    case number(Double)
    case bool(Bool)
    case null
    /// The one value is over and only white space followed it.
    case end
}

/// Reads one JSON value (RFC 8259, nothing more lenient) token by token, copying nothing.
package struct JSONReader: ~Escapable {
    private enum Expectation {
        case value, valueOrArrayEnd, nameOrObjectEnd, name, commaOrEnd, nothing
    }

    /// The deepest nesting that any reader can be set to.
    package static let depthCeiling = 64

    private let bytes: Span<UInt8>
    /// Where the next token is looked for.
    package private(set) var offset: Int
    private let end: Int
    private let depthMax: Int
    /// Containers that are open.
    package private(set) var depth = 0
    /// Bit n is set when the container at depth n + 1 is an object.
    private var objects: UInt64 = 0
    private var expectation = Expectation.value

    /// Reads the value in `range`, or in all of `bytes`.
    ///
    /// - Parameters:
    ///   - bytes: JSON text, UTF-8.
    ///   - range: Where the value lies; everything by default.
    ///   - depthMax: Containers within containers that are accepted, 1 to 64.
    @_lifetime(copy bytes)
    package init(_ bytes: Span<UInt8>, in range: Range<Int>? = nil, depthMax: Int = 64) {
        let range = range ?? 0..<bytes.count
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "range in bounds")
        precondition((1...Self.depthCeiling).contains(depthMax), "depth is 1 to 64")
        self.bytes = bytes
        offset = range.lowerBound
        end = range.upperBound
        self.depthMax = depthMax
    }

    /// The next token; `end` once and for ever after the value.
    package mutating func next() throws(WireFormatError) -> JSONToken {
        skipSpace()
        guard offset < end else {
            guard expectation == .nothing else { throw WireFormatError(.truncated, at: offset) }
            return .end
        }
        var byte = bytes[offset]
        switch expectation {
        case .nothing: throw WireFormatError(.trailingBytes, at: offset)
        case .commaOrEnd:
            guard byte == 0x2c else {
                return try close(byte)
            }
            offset += 1
            expectation = inObject ? .name : .value
            skipSpace()
            guard offset < end else { throw WireFormatError(.truncated, at: offset) }
            byte = bytes[offset]
        case .nameOrObjectEnd where byte == 0x7d: return try close(byte)
        case .valueOrArrayEnd where byte == 0x5d: return try close(byte)
        case .value, .valueOrArrayEnd, .nameOrObjectEnd, .name: break
        }
        if expectation == .name || expectation == .nameOrObjectEnd {
            guard byte == 0x22 else {
                throw WireFormatError(.expected("a name in quotes"), at: offset)
            }
            let name = try string()
            skipSpace()
            guard offset < end else { throw WireFormatError(.truncated, at: offset) }
            guard bytes[offset] == 0x3a else { throw WireFormatError(.expected("':'"), at: offset) }
            offset += 1
            expectation = .value
            return .name(name)
        }
        return try value(byte)
    }

    /// Moves behind one whole value, which must be what comes next, checking it.
    package mutating func skip() throws(WireFormatError) {
        let outside = depth
        repeat {
            if try next() == .end { throw WireFormatError(.expected("a value"), at: offset) }
        } while depth > outside
    }

    /// The text of a string, escapes resolved.
    ///
    /// - Throws: `invalidText` for bytes that are not UTF-8 and for lone surrogates, unless `repairing`, which
    ///   puts U+FFFD in their place: for logs, where a broken character is no reason to lose the line.
    package func text(
        _ string: JSONString,
        repairing: Bool = false
    ) throws(WireFormatError) -> String {
        if !string.hasEscapes {
            if let text = WireText.validated(bytes, string.range) { return text }
            guard repairing else {
                throw WireFormatError(.invalidText, at: string.range.lowerBound)
            }
            return WireText.repaired(bytes, string.range)
        }
        let plain = try unescaped(string, repairing: repairing)
        if let text = WireText.validated(plain.span, 0..<plain.count) { return text }
        guard repairing else { throw WireFormatError(.invalidText, at: string.range.lowerBound) }
        return String(decoding: plain, as: UTF8.self)
    }

    /// True when the string is exactly this text, found without building one.
    package func equals(_ string: JSONString, _ text: StaticString) -> Bool {
        guard !string.hasEscapes, text.utf8CodeUnitCount == string.range.count else {
            return string.hasEscapes && (try? self.text(string)) == text.description
        }
        // A static string's bytes live for ever and the count was just compared.
        let expected = unsafe Span(
            _unsafeStart: text.utf8Start,
            count: text.utf8CodeUnitCount
        )
        for index in 0..<string.range.count
        where expected[index] != bytes[string.range.lowerBound + index] { return false }
        return true
    }

    private var inObject: Bool { objects & (1 &<< UInt64(depth - 1)) != 0 }

    private mutating func skipSpace() {
        while offset < end {
            switch bytes[offset] {
            case 0x20, 0x0a, 0x0d, 0x09: offset += 1
            default: return
            }
        }
    }

    private mutating func value(_ byte: UInt8) throws(WireFormatError) -> JSONToken {
        switch byte {
        case 0x7b:
            try open(isObject: true)
            return .objectStart
        case 0x5b:
            try open(isObject: false)
            return .arrayStart
        case 0x22:
            let text = try string()
            afterValue()
            return .string(text)
        case 0x74:
            try word("true")
            return .bool(true)
        case 0x66:
            try word("false")
            return .bool(false)
        case 0x6e:
            try word("null")
            return .null
        case 0x2d, 0x30...0x39:
            let number = try JSONNumber.read(bytes, &offset, end)
            afterValue()
            return number
        default: throw WireFormatError(.expected("a value"), at: offset)
        }
    }

    private mutating func open(isObject: Bool) throws(WireFormatError) {
        guard depth < depthMax else { throw WireFormatError(.nesting(limit: depthMax), at: offset) }
        let bit: UInt64 = 1 &<< UInt64(depth)
        objects = isObject ? objects | bit : objects & ~bit
        depth += 1
        offset += 1
        expectation = isObject ? .nameOrObjectEnd : .valueOrArrayEnd
    }

    private mutating func close(_ byte: UInt8) throws(WireFormatError) -> JSONToken {
        let isObject = inObject
        guard byte == (isObject ? 0x7d : 0x5d) else {
            throw WireFormatError(.expected(isObject ? "',' or '}'" : "',' or ']'"), at: offset)
        }
        offset += 1
        depth -= 1
        afterValue()
        return isObject ? .objectEnd : .arrayEnd
    }

    private mutating func afterValue() { expectation = depth == 0 ? .nothing : .commaOrEnd }

    private mutating func word(_ text: StaticString) throws(WireFormatError) {
        let length = text.utf8CodeUnitCount
        guard length <= end - offset else { throw WireFormatError(.truncated, at: offset) }
        guard equals(JSONString(range: offset..<offset + length, hasEscapes: false), text) else {
            throw WireFormatError(.expected("a value"), at: offset)
        }
        offset += length
        afterValue()
    }

    /// Passes a string, checking its escapes and that no control character stands in it.
    private mutating func string() throws(WireFormatError) -> JSONString {
        let start = offset + 1
        var position = start
        var hasEscapes = false
        while true {
            position = bytes.firstOfJSONString(in: position..<end)
            guard position < end else { throw WireFormatError(.truncated, at: end) }
            let byte = bytes[position]
            if byte == 0x22 {
                offset = position + 1
                return JSONString(range: start..<position, hasEscapes: hasEscapes)
            }
            guard byte == 0x5c else {
                throw WireFormatError(.expected("an escape for a control character"), at: position)
            }
            hasEscapes = true
            guard position + 1 < end else { throw WireFormatError(.truncated, at: end) }
            switch bytes[position + 1] {
            case 0x22, 0x5c, 0x2f, 0x62, 0x66, 0x6e, 0x72, 0x74: position += 2
            case 0x75:
                guard position + 6 <= end else { throw WireFormatError(.truncated, at: end) }
                guard hexadecimal(at: position + 2) != nil else {
                    throw WireFormatError(
                        .expected("four hexadecimal digits"),
                        at: position + 2
                    )
                }
                position += 6
            default: throw WireFormatError(.expected("an escape"), at: position + 1)
            }
        }
    }

    private func hexadecimal(at start: Int) -> UInt32? {
        var value: UInt32 = 0
        for index in start..<start + 4 {
            let byte = bytes[index]
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x41...0x46: digit = byte - 0x41 + 10
            case 0x61...0x66: digit = byte - 0x61 + 10
            default: return nil
            }
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    /// The string's bytes with every escape replaced; the escapes were checked when it was passed.
    private func unescaped(
        _ string: JSONString,
        repairing: Bool
    ) throws(WireFormatError) -> [UInt8] {
        var plain: [UInt8] = []
        plain.reserveCapacity(string.range.count)
        var position = string.range.lowerBound
        while position < string.range.upperBound {
            let byte = bytes[position]
            guard byte == 0x5c else {
                plain.append(byte)
                position += 1
                continue
            }
            let kind = bytes[position + 1]
            position += 2
            switch kind {
            case 0x62: plain.append(0x08)
            case 0x66: plain.append(0x0c)
            case 0x6e: plain.append(0x0a)
            case 0x72: plain.append(0x0d)
            case 0x74: plain.append(0x09)
            case 0x75:
                var scalar = hexadecimal(at: position) ?? 0xfffd
                position += 4
                if scalar & 0xfc00 == 0xd800, position + 6 <= string.range.upperBound,
                    bytes[position] == 0x5c, bytes[position + 1] == 0x75,
                    let low = hexadecimal(at: position + 2), low & 0xfc00 == 0xdc00
                {
                    scalar = 0x10000 + (scalar & 0x3ff) << 10 + (low & 0x3ff)
                    position += 6
                }
                if let scalar = Unicode.Scalar(scalar) {
                    plain.append(
                        contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
                    )
                } else {
                    guard repairing else { throw WireFormatError(.invalidText, at: position - 6) }
                    plain.append(contentsOf: UTF8.encodedReplacementCharacter)
                }
            default: plain.append(kind)
            }
        }
        return plain
    }
}
