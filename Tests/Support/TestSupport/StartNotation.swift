package import Model
import Timekeeping

/// Start timestamps as offsets from the samples they belong to: `_ -30s-1mx2 0`.
///
/// `d` is one offset, `dxn` is d and n more of it, `d+exn` and `d-exn` are d and n more that grow or shrink by e each,
/// `_` and `_xn` are samples without a start timestamp. Offsets are durations with a sign, or 0.
package enum StartNotation {
    package struct Malformed: Error, CustomStringConvertible {
        package var item: String
        package var description: String { "not a start timestamp's offset: \(item)" }
    }

    /// Milliseconds, one a place; nil where there is none.
    package static func offsets(_ text: String) throws(Malformed) -> [Int64?] {
        var offsets: [Int64?] = []
        for item in text.split(whereSeparator: \.isWhitespace) {
            var rest = item[...]
            var count = 1
            if let cross = rest.lastIndex(of: "x") {
                guard let more = Int(rest[rest.index(after: cross)...]), more >= 0 else {
                    throw Malformed(item: String(item))
                }
                count += more
                rest = rest[..<cross]
            }
            if rest == "_" {
                // As among values, `_xn` is n places and not one more.
                offsets += repeatElement(nil, count: item == "_" ? 1 : count - 1)
                continue
            }
            guard let first = signed(&rest) else { throw Malformed(item: String(item)) }
            var step: Int64 = 0
            if !rest.isEmpty {
                guard let read = signed(&rest), rest.isEmpty else {
                    throw Malformed(item: String(item))
                }
                step = read
            }
            for index in 0..<Int64(count) { offsets.append(first + index * step) }
        }
        return offsets
    }

    /// The start timestamps of samples that stand at places `interval` milliseconds apart, from 0 on.
    ///
    /// - Parameters:
    ///   - text: Offsets.
    ///   - interval: From one place to the next.
    /// - Returns: Nil when no place has one.
    /// - Throws: `Malformed`.
    package static func starts(
        _ text: String,
        interval: Int64
    ) throws(Malformed) -> StartTimes? {
        let starts = StartTimes(
            try offsets(text).enumerated().map { place, offset in
                let time = Int64(place) * interval
                return (time: time, start: offset.map { time + $0 } ?? 0)
            }
        )
        return starts.isEmpty ? nil : starts
    }

    private static func signed(_ text: inout Substring) -> Int64? {
        var sign: Int64 = 1
        if let first = text.first, first == "-" || first == "+" {
            sign = first == "-" ? -1 : 1
            text.removeFirst()
        }
        let end = text.firstIndex { $0 == "-" || $0 == "+" } ?? text.endIndex
        let word = String(text[..<end])
        text = text[end...]
        if word == "0" { return 0 }
        return Duration(prometheus: word).map { sign * $0.milliseconds }
    }
}
