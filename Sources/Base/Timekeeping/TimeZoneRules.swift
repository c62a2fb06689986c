/// A time zone's offsets from UTC for all times: the past as recorded, the future by its rule.
///
/// Reads TZif (RFC 9636), the format of `/usr/share/zoneinfo`. Leap seconds are ignored, as everywhere here.
package struct TimeZoneRules: Hashable, Sendable {
    /// One change of the offset.
    package struct Change: Hashable, Sendable {
        /// The first moment of the new offset.
        package var at: Timestamp
        /// Seconds east of UTC from then on.
        package var offsetSeconds: Int
    }

    /// Why a zone cannot be read.
    package enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
        case unknown(name: String)
        case noData(folder: String)
        case malformed(name: String, reason: String)

        package var description: String {
            switch self {
            case .unknown(let name):
                "unknown time zone \"\(name)\"; use an IANA name like Europe/Kyiv or UTC"
            case .noData(let folder):
                "no time zone data in \(folder); install the Debian package tzdata"
            case .malformed(let name, let reason):
                "the data of time zone \"\(name)\" is damaged (\(reason)); reinstall tzdata"
            }
        }
    }

    /// The IANA name.
    package let name: String
    private let initialOffset: Int
    /// Ascending; the offsets differ or not, as the file has them.
    private let recorded: [Change]
    private let rule: PosixTimeZoneRule?

    /// Coordinated universal time, which needs no data.
    package static let utc = TimeZoneRules(
        name: "UTC",
        initialOffset: 0,
        recorded: [],
        rule: nil
    )

    private init(name: String, initialOffset: Int, recorded: [Change], rule: PosixTimeZoneRule?) {
        self.name = name
        self.initialOffset = initialOffset
        self.recorded = recorded
        self.rule = rule
    }

    /// Reads the content of a TZif file of version 2 or later.
    package init(name: String, tzif bytes: [UInt8]) throws(Failure) {
        var reader = TZifReader(name: name, bytes: bytes)
        let content = try reader.read()
        self = TimeZoneRules(
            name: name,
            initialOffset: content.initialOffset,
            recorded: content.changes,
            rule: content.rule
        )
    }

    /// Seconds east of UTC at a moment.
    package func offsetSeconds(at moment: Timestamp) -> Int {
        guard let last = recorded.last else {
            return rule?.offsetSeconds(at: moment) ?? initialOffset
        }
        if moment >= last.at { return rule?.offsetSeconds(at: moment) ?? last.offsetSeconds }
        let index = firstIndex(after: moment)
        return index == 0 ? initialOffset : recorded[index - 1].offsetSeconds
    }

    /// The next change of the offset strictly after a moment; nil when there is none.
    package func nextChange(after moment: Timestamp) -> Change? {
        var previous = offsetSeconds(at: moment)
        for change in recorded[firstIndex(after: moment)...] {
            if change.offsetSeconds != previous { return change }
            previous = change.offsetSeconds
        }
        let start = max(moment, recorded.last?.at ?? moment)
        return rule?.nextChange(after: start)
    }

    /// The wall clock's date and time at a moment.
    package func local(_ moment: Timestamp) -> UTCFields {
        (moment + .seconds(offsetSeconds(at: moment))).utc
    }

    /// The moment at which the wall clock shows a date and time; fields outside their ranges carry over.
    ///
    /// A time that comes twice (clocks go back) is the first of the two. A time that never comes (clocks go
    /// forward) is the moment at which the clock jumps over it.
    package func moment(
        year: Int,
        month: Int,
        day: Int,
        hour: Int = 0,
        minute: Int = 0
    ) -> Timestamp {
        let wall = Timestamp(year: year, month: month, day: day, hour: hour, minute: minute)
        // No zone is further than 26 hours from UTC.
        var start = wall - .seconds(26 * 3600)
        var offset = offsetSeconds(at: start)
        while true {
            let next = nextChange(after: start)
            let candidate = wall - .seconds(offset)
            guard let next, next.at <= wall + .seconds(26 * 3600) else { return candidate }
            if candidate < next.at { return candidate }
            // Past the change by the old offset and before it by the new one: the clock jumps over it.
            if wall - .seconds(next.offsetSeconds) < next.at { return next.at }
            start = next.at
            offset = next.offsetSeconds
        }
    }

    /// Index of the first recorded change strictly after a moment.
    private func firstIndex(after moment: Timestamp) -> Int {
        var low = 0
        var high = recorded.count
        while low < high {
            let middle = (low + high) / 2
            if recorded[middle].at > moment { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

/// Reads one TZif file.
private struct TZifReader {
    struct Content {
        var initialOffset: Int
        var changes: [TimeZoneRules.Change]
        var rule: PosixTimeZoneRule?
    }

    let name: String
    let bytes: [UInt8]
    var position = 0

    init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
    }

    private func failure(_ reason: String) -> TimeZoneRules.Failure {
        .malformed(name: name, reason: reason)
    }

    private mutating func integer(_ width: Int) throws(TimeZoneRules.Failure) -> Int64 {
        guard position + width <= bytes.count else { throw failure("it ends early") }
        var value: UInt64 = 0
        for byte in bytes[position..<(position + width)] { value = value << 8 | UInt64(byte) }
        position += width
        let unused = UInt64(64 - 8 * width)
        return Int64(bitPattern: value << unused) >> Int64(unused)
    }

    private struct Header {
        var version: UInt8
        var utcCount: Int
        var standardCount: Int
        var leapCount: Int
        var changeCount: Int
        var typeCount: Int
        var nameBytes: Int

        func bodyBytes(timeWidth: Int) -> Int {
            changeCount * (timeWidth + 1) + typeCount * 6 + nameBytes
                + leapCount * (timeWidth + 4) + standardCount + utcCount
        }
    }

    private mutating func header() throws(TimeZoneRules.Failure) -> Header {
        guard bytes.count >= position + 44,
            bytes[position..<(position + 4)].elementsEqual("TZif".utf8)
        else { throw failure("it is no TZif file") }
        let version = bytes[position + 4]
        position += 20
        var counts: [Int] = []
        for _ in 0..<6 {
            let count = Int(try integer(4))
            guard (0...1_000_000).contains(count) else { throw failure("a count is out of range") }
            counts.append(count)
        }
        return Header(
            version: version,
            utcCount: counts[0],
            standardCount: counts[1],
            leapCount: counts[2],
            changeCount: counts[3],
            typeCount: counts[4],
            nameBytes: counts[5]
        )
    }

    mutating func read() throws(TimeZoneRules.Failure) -> Content {
        let first = try header()
        guard first.version >= UInt8(ascii: "2") else { throw failure("it is of version 1") }
        position += first.bodyBytes(timeWidth: 4)
        let second = try header()
        let bodyEnd = position + second.bodyBytes(timeWidth: 8)
        var times: [Int64] = []
        for _ in 0..<second.changeCount { times.append(try integer(8)) }
        var kinds: [Int] = []
        for _ in 0..<second.changeCount { kinds.append(Int(try integer(1)) & 0xff) }
        var offsets: [Int] = []
        for _ in 0..<second.typeCount {
            offsets.append(Int(try integer(4)))
            position += 2
        }
        guard let initialOffset = offsets.first, kinds.allSatisfy({ $0 < offsets.count }),
            zip(times, times.dropFirst()).allSatisfy({ $0 < $1 }),
            offsets.allSatisfy({ abs($0) <= 26 * 3600 }), bodyEnd <= bytes.count
        else { throw failure("its tables do not fit together") }
        let footer = bytes[bodyEnd...].drop { $0 == UInt8(ascii: "\n") }
            .prefix { $0 != UInt8(ascii: "\n") }
        let text = String(decoding: footer, as: UTF8.self)
        let rule = text.isEmpty ? nil : PosixTimeZoneRule(text)
        guard text.isEmpty || rule != nil else { throw failure("unknown rule \"\(text)\"") }
        let changes = zip(times, kinds).map { time, kind in
            // The first entry of some files is the big bang, which milliseconds cannot count.
            TimeZoneRules.Change(
                at: Timestamp(milliseconds: max(time, Int64.min / 1000) * 1000),
                offsetSeconds: offsets[kind]
            )
        }
        return Content(initialOffset: initialOffset, changes: changes, rule: rule)
    }
}
