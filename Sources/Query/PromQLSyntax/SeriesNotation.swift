package import Model

/// Prometheus's notation for series in unit tests: `up{job="a"}` and `0+10x5 _ stale 7`.
package enum SeriesNotation {
    /// How many values one series may spell out.
    package static let valuesMax = 1_000_000

    /// Reads the labels of a series.
    ///
    /// - Throws: `PromQLSyntaxError` with the position in the text.
    package static func labels(_ text: String) throws(PromQLSyntaxError) -> LabelSet {
        let selector = try PromQLParser.parseSeriesName(text)
        for matcher in selector.matchers where matcher.operation != .equal {
            throw PromQLSyntaxError(
                span: selector.span,
                message: "a series has labels, no conditions: write \(matcher.name)=\"...\""
            )
        }
        return LabelSet(selector.matchers.map { Label($0.name, $0.value) })
    }

    /// Reads the values of a series, one an interval; nil where a sample is left out (`_`).
    ///
    /// `a` is one value, `axn` is a and n more of it, `a+bxn` is a and n more that grow by b each, `_xn` is n
    /// left out, `stale` is the staleness marker.
    ///
    /// - Parameters:
    ///   - text: Items with blanks between them.
    ///   - valuesMax: How many values they may spell out; checked before room is made for them.
    /// - Returns: A value an interval.
    /// - Throws: `PromQLSyntaxError`; native histograms are refused.
    package static func values(
        _ text: String,
        valuesMax: Int = SeriesNotation.valuesMax
    ) throws(PromQLSyntaxError) -> [Double?] {
        var values: [Double?] = []
        let bytes = Array(text.utf8)
        var index = 0
        while index < bytes.count {
            if bytes[index] == 32 || bytes[index] == 9 || bytes[index] == 10 || bytes[index] == 13 {
                index += 1
                continue
            }
            var item = ValueItem(bytes: bytes, start: index, valuesMax: valuesMax)
            try item.read(into: &values)
            index = item.index
        }
        return values
    }
}

/// One item of a series' values.
private struct ValueItem {
    let bytes: [UInt8]
    let start: Int
    let valuesMax: Int
    var index: Int

    init(bytes: [UInt8], start: Int, valuesMax: Int) {
        self.bytes = bytes
        self.start = start
        self.valuesMax = valuesMax
        index = start
    }

    mutating func read(into values: inout [Double?]) throws(PromQLSyntaxError) {
        if accept("_") {
            let count = accept("x") ? try repetition() : 1
            try append(nil, count: count, to: &values)
        } else {
            var value = try number()
            let sign: Double? = accept("+") ? 1 : accept("-") ? -1 : nil
            let step = sign == nil ? 0 : try number() * (sign ?? 1)
            if accept("x") {
                let count = try repetition()
                try checkCount(values.count + count + 1)
                for _ in 0...count {
                    values.append(value)
                    if sign != nil { value += step }
                }
            } else {
                guard sign == nil else { throw problem("expected \"x\" and a count") }
                try append(value, count: 1, to: &values)
            }
        }
        guard index == bytes.count || bytes[index] <= 32 else {
            throw problem("unexpected characters in series values")
        }
    }

    private func append(
        _ value: Double?,
        count: Int,
        to values: inout [Double?]
    ) throws(PromQLSyntaxError) {
        try checkCount(values.count + count)
        values.append(contentsOf: repeatElement(value, count: count))
    }

    private func checkCount(_ count: Int) throws(PromQLSyntaxError) {
        guard count <= valuesMax else {
            throw problem("more than \(valuesMax) values")
        }
    }

    private mutating func number() throws(PromQLSyntaxError) -> Double {
        let isNegative = accept("-")
        if !isNegative { accept("+") }
        let first = index
        while index < bytes.count, isLetter(bytes[index]), bytes[index] != UInt8(ascii: "x") {
            index += 1
        }
        let magnitude: Double
        if index > first {
            switch String(decoding: bytes[first..<index], as: UTF8.self).lowercased() {
            case "inf": magnitude = .infinity
            case "nan": magnitude = .nan
            case "stale" where !isNegative: return Staleness.marker
            default: throw problem("expected a number, \"_\" or \"stale\" in series values")
            }
        } else {
            scanDigits()
            guard let value = Double(String(decoding: bytes[first..<index], as: UTF8.self)) else {
                let isHistogram = bytes[first...].starts(with: Array("{{".utf8))
                throw problem(
                    isHistogram
                        ? "native histograms are not supported"
                        : "expected a number, \"_\" or \"stale\" in series values"
                )
            }
            magnitude = value
        }
        return isNegative ? -magnitude : magnitude
    }

    private mutating func scanDigits() {
        while index < bytes.count {
            let byte = bytes[index]
            if isDigit(byte) || byte == UInt8(ascii: ".") {
                index += 1
            } else if byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
                index += 1
                if !accept("-") { accept("+") }
            } else {
                return
            }
        }
    }

    private mutating func repetition() throws(PromQLSyntaxError) -> Int {
        let first = index
        while index < bytes.count, isDigit(bytes[index]) { index += 1 }
        guard let count = Int(String(decoding: bytes[first..<index], as: UTF8.self)) else {
            throw problem("invalid repetition in series values")
        }
        try checkCount(count)
        return count
    }

    @discardableResult
    private mutating func accept(_ character: Unicode.Scalar) -> Bool {
        guard index < bytes.count, bytes[index] == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private func isDigit(_ byte: UInt8) -> Bool { byte >= 48 && byte <= 57 }

    private func isLetter(_ byte: UInt8) -> Bool {
        (byte >= 97 && byte <= 122) || (byte >= 65 && byte <= 90)
    }

    private func problem(_ message: String) -> PromQLSyntaxError {
        PromQLSyntaxError(
            span: SourceSpan(start: start, end: index, line: 1, column: start + 1),
            message: message
        )
    }
}
