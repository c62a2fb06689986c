import WireFormats

/// The parts of a JSON object or array, found without reading what is in them and whatever their depth.
///
/// What a part holds is judged when it is read itself, so that one that is broken or too deep is found alone.
enum JSONParts {
    /// Names and places of an object's members, in order; none for `null`.
    static func members(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        _ allowance: inout OTLPAllowance
    ) throws(OTLPAllowance.Failure) -> [(name: JSONString, value: Range<Int>)] {
        var members: [(name: JSONString, value: Range<Int>)] = []
        var position = space(bytes, range.lowerBound, range.upperBound)
        guard try open(bytes, &position, range.upperBound, 0x7b) else { return [] }
        while try !close(bytes, &position, range.upperBound, 0x7d, isFirst: members.isEmpty) {
            try allowance.charge(32)
            let name = try name(bytes, &position, range.upperBound)
            let start = position
            position = try end(bytes, start, range.upperBound)
            members.append((name, start..<position))
        }
        return members
    }

    /// Places of an array's elements, in order; none for `null`.
    static func elements(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>,
        _ allowance: inout OTLPAllowance
    ) throws(OTLPAllowance.Failure) -> [Range<Int>] {
        var elements: [Range<Int>] = []
        var position = space(bytes, range.lowerBound, range.upperBound)
        guard try open(bytes, &position, range.upperBound, 0x5b) else { return [] }
        while try !close(bytes, &position, range.upperBound, 0x5d, isFirst: elements.isEmpty) {
            try allowance.charge(16)
            let start = position
            position = try end(bytes, start, range.upperBound)
            elements.append(start..<position)
        }
        return elements
    }

    /// A name and the colon behind it; stands before the value.
    private static func name(
        _ bytes: Span<UInt8>,
        _ position: inout Int,
        _ end: Int
    ) throws(OTLPAllowance.Failure) -> JSONString {
        var reader = JSONReader(bytes, in: position..<end)
        guard case .string(let name) = try token(&reader) else {
            throw .malformed(WireFormatError(.expected("a name in quotes"), at: position))
        }
        position = space(bytes, reader.offset, end)
        guard position < end, bytes[position] == 0x3a else {
            throw .malformed(WireFormatError(.expected("':'"), at: position))
        }
        position = space(bytes, position + 1, end)
        return name
    }

    private static func token(
        _ reader: inout JSONReader
    ) throws(OTLPAllowance.Failure) -> JSONToken {
        do { return try reader.next() } catch { throw .malformed(error) }
    }

    private static func space(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Int {
        var position = start
        while position < end, [0x20, 0x0a, 0x0d, 0x09].contains(bytes[position]) { position += 1 }
        return position
    }

    /// Passes the opening bracket; false for `null`.
    private static func open(
        _ bytes: Span<UInt8>,
        _ position: inout Int,
        _ end: Int,
        _ bracket: UInt8
    ) throws(OTLPAllowance.Failure) -> Bool {
        guard position < end else { throw .malformed(WireFormatError(.truncated, at: position)) }
        if bytes[position] == bracket {
            position += 1
            return true
        }
        var reader = JSONReader(bytes, in: position..<end)
        if try token(&reader) == .null, try token(&reader) == .end { return false }
        throw .malformed(
            WireFormatError(.expected(bracket == 0x7b ? "an object" : "an array"), at: position)
        )
    }

    /// Stands before the next part, or behind the closing bracket and true.
    private static func close(
        _ bytes: Span<UInt8>,
        _ position: inout Int,
        _ end: Int,
        _ bracket: UInt8,
        isFirst: Bool
    ) throws(OTLPAllowance.Failure) -> Bool {
        position = space(bytes, position, end)
        guard position < end else { throw .malformed(WireFormatError(.truncated, at: position)) }
        if bytes[position] == bracket {
            position = space(bytes, position + 1, end)
            guard position == end else {
                throw .malformed(WireFormatError(.trailingBytes, at: position))
            }
            return true
        }
        guard !isFirst else { return false }
        guard bytes[position] == 0x2c else {
            throw .malformed(WireFormatError(.expected("',' or the end of the list"), at: position))
        }
        position = space(bytes, position + 1, end)
        return false
    }

    /// Where the value ends that begins here.
    private static func end(
        _ bytes: Span<UInt8>,
        _ start: Int,
        _ end: Int
    ) throws(OTLPAllowance.Failure) -> Int {
        guard start < end else { throw .malformed(WireFormatError(.truncated, at: start)) }
        guard bytes[start] == 0x7b || bytes[start] == 0x5b else {
            var reader = JSONReader(bytes, in: start..<end)
            _ = try token(&reader)
            return reader.offset
        }
        var scanner = JSONScanner()
        let length: Int?
        do {
            length = try scanner.advance(over: bytes.extracting(start..<end))
        } catch {
            throw .malformed(WireFormatError(error.reason, at: start + error.offset))
        }
        guard let length else {
            throw .malformed(WireFormatError(.truncated, at: end))
        }
        return start + length
    }
}
