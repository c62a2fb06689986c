/// Events of one key within a timeframe of the newest, in order of event time.
///
/// An event that comes late takes its place. Events of one moment are one entry, since they leave together.
/// What leaves is given back, for the window before.
///
/// - Source: ElastAlert 2's `EventWindow`.
struct EventWindow: Codable, Sendable {
    /// Events of one moment.
    struct Entry: Codable, Hashable, Sendable {
        /// Milliseconds since 1970.
        var at: Int64
        /// Their number, or the sum of their values.
        var sum: Double
        /// How many of them bear a value; placeholders do not.
        var values: Int
        var least: Double
        var most: Double

        init(at: Int64, value: Double?) {
            self.at = at
            sum = value ?? 0
            values = value == nil ? 0 : 1
            least = value ?? .infinity
            most = value ?? -.infinity
        }

        mutating func merge(_ other: Entry) {
            sum += other.sum
            values += other.values
            least = Swift.min(least, other.least)
            most = Swift.max(most, other.most)
        }

        // JSON has no infinities.
        private enum CodingKeys: String, CodingKey {
            case at = "t"
            case sum = "s"
            case values = "n"
            case least = "l"
            case most = "m"
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            at = try container.decode(Int64.self, forKey: .at)
            sum = try container.decodeIfPresent(Double.self, forKey: .sum) ?? 0
            values = try container.decodeIfPresent(Int.self, forKey: .values) ?? 0
            least = try container.decodeIfPresent(Double.self, forKey: .least) ?? .infinity
            most = try container.decodeIfPresent(Double.self, forKey: .most) ?? -.infinity
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(at, forKey: .at)
            guard values > 0 else { return }
            try container.encode(sum, forKey: .sum)
            try container.encode(values, forKey: .values)
            try container.encode(least, forKey: .least)
            try container.encode(most, forKey: .most)
        }
    }

    /// Entries before `head` have left.
    private var stored: [Entry] = []
    private var head = 0
    /// The sum over the window: the count when every event bears 1.
    private(set) var sum = 0.0
    /// Events that bear a value.
    private(set) var values = 0

    init() {}

    /// Entries in the window.
    var count: Int { stored.count - head }
    var isEmpty: Bool { count == 0 }
    var newest: Int64? { isEmpty ? nil : stored[stored.count - 1].at }
    var oldest: Int64? { isEmpty ? nil : stored[head].at }
    var entries: ArraySlice<Entry> { stored[head...] }

    /// The mean of the values; nil without any.
    var mean: Double? { values == 0 ? nil : sum / Double(values) }
    var least: Double? { entries.lazy.filter { $0.values > 0 }.map(\.least).min() }
    var most: Double? { entries.lazy.filter { $0.values > 0 }.map(\.most).max() }

    /// Adds an event and lets go what is a timeframe older than the newest, oldest first.
    ///
    /// - Parameters:
    ///   - entry: One event; without a value it only moves time on.
    ///   - timeframe: In milliseconds, positive.
    ///   - entriesMax: At least 2; past it the oldest two entries become one.
    ///   - removed: Takes what leaves.
    /// - Returns: True when two entries became one.
    @discardableResult
    mutating func add(
        _ entry: Entry,
        timeframe: Int64,
        entriesMax: Int,
        removed: (Entry) -> Void = { _ in }
    ) -> Bool {
        sum += entry.sum
        values += entry.values
        var place = stored.count
        while place > head, stored[place - 1].at > entry.at { place -= 1 }
        if place > head, stored[place - 1].at == entry.at {
            stored[place - 1].merge(entry)
        } else {
            stored.insert(entry, at: place)
        }
        let end = stored[stored.count - 1].at
        while end - stored[head].at >= timeframe {
            let gone = stored[head]
            head += 1
            sum -= gone.sum
            values -= gone.values
            removed(gone)
        }
        // What a long row of additions and subtractions leaves over is no event.
        if values == 0 { sum = 0 }
        defer {
            if head > 64, head > stored.count / 2 {
                stored.removeFirst(head)
                head = 0
            }
        }
        guard count > entriesMax else { return false }
        // The older of two neighbours takes the time of the younger: it leaves later rather than too soon.
        stored[head + 1].merge(stored[head])
        head += 1
        return true
    }

    mutating func clear() { self = EventWindow() }

    private enum CodingKeys: String, CodingKey {
        case entries = "e"
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        stored = try container.decode([Entry].self, forKey: .entries)
        for entry in stored {
            sum += entry.sum
            values += entry.values
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(Array(entries), forKey: .entries)
    }
}
