/// Finds what is known of a series by its text on the page, so that a series seen before costs no allocation.
///
/// Pages list their series in the same order again and again, so each entry remembers which came next: then a
/// series is found by comparing its text with one other.
package struct SeriesCache: Sendable {
    /// What is known of one text.
    package struct Entry: Sendable {
        /// The text in `texts`.
        package var text: Range<Int>
        /// The labels in `labelBytes`, in the encoding of `SampleBatch`; empty when a rule drops the series.
        package var labels: Range<Int>
        package var hash: UInt64
        /// The entry that came next on the last page; -1 when none is known.
        package var next: Int32 = -1
        /// The page on which the text stood last.
        package var page: UInt32
        /// A series of the last good page that has to be ended when it vanishes.
        package var isPresent = false
        /// To be `isPresent` once the page that is read turns out to be good.
        package var isTracked = false

        package var isDropped: Bool { labels.isEmpty }
    }

    package var entries: [Entry] = []
    package private(set) var labelBytes: [UInt8] = []
    @usableFromInline var texts: [UInt8] = []
    /// Numbers of entries plus 1 by hash; 0 is empty.
    ///
    /// A power of two in size, at most half full.
    private var table: [Int32] = []
    private let seed: UInt64

    package init(seed: UInt64) { self.seed = seed }

    package var count: Int { entries.count }

    /// Bytes that the cache takes, about.
    package var byteCount: Int {
        texts.capacity + labelBytes.capacity + table.capacity * 4
            + entries.capacity * MemoryLayout<Entry>.stride
    }

    @inlinable
    package subscript(index: Int) -> Entry {
        get { entries[index] }
        set { entries[index] = newValue }
    }

    /// Marks an entry as standing on a page, behind another; true when it was not there on that page yet.
    @inlinable
    package mutating func touch(_ index: Int, after previous: Int, page: UInt32) {
        entries[index].page = page
        if previous >= 0 { entries[previous].next = Int32(truncatingIfNeeded: index) }
    }

    /// The length of the expected entry's text when the page goes on with it at `offset`; 0 when it does not.
    @inlinable
    package func expected(_ index: Int, _ page: Span<UInt8>, _ offset: Int) -> Int {
        let text = entries[index].text
        guard text.count <= page.count - offset else { return 0 }
        let known = texts.span
        for place in 0..<text.count where page[offset &+ place] != known[text.lowerBound &+ place] {
            return 0
        }
        return text.count
    }

    /// A text's hash, seeded, so that nobody outside can choose texts that collide.
    package func hash(_ page: Span<UInt8>, _ range: Range<Int>) -> UInt64 {
        var hash = seed
        for index in range { hash = (hash ^ UInt64(page[index])) &* 0x9e37_79b9_7f4a_7c15 }
        return hash ^ hash >> 32
    }

    /// The entry of a text.
    package func find(_ page: Span<UInt8>, _ range: Range<Int>, _ hash: UInt64) -> Int? {
        guard !table.isEmpty else { return nil }
        let known = texts.span
        var place = Int(truncatingIfNeeded: hash) & (table.count - 1)
        while table[place] != 0 {
            let index = Int(table[place]) - 1
            let text = entries[index].text
            if entries[index].hash == hash, text.count == range.count,
                (0..<text.count).allSatisfy({
                    known[text.lowerBound + $0] == page[range.lowerBound + $0]
                })
            {
                return index
            }
            place = (place + 1) & (table.count - 1)
        }
        return nil
    }

    /// Adds a text that is not there yet; `encode` writes its labels behind those that are there, or nothing when
    /// the series is dropped.
    ///
    /// The new entry's number.
    package mutating func add(
        _ page: Span<UInt8>,
        _ range: Range<Int>,
        _ hash: UInt64,
        number: UInt32,
        _ encode: (inout [UInt8]) -> Void
    ) -> Int {
        let text = texts.count
        for index in range { texts.append(page[index]) }
        let labels = labelBytes.count
        encode(&labelBytes)
        entries.append(
            Entry(
                text: text..<texts.count,
                labels: labels..<labelBytes.count,
                hash: hash,
                page: number
            )
        )
        if entries.count * 2 > table.count { rebuildTable() } else { place(entries.count - 1) }
        return entries.count - 1
    }

    /// Keeps what satisfies a condition, and forgets the rest with its bytes.
    package mutating func keep(_ condition: (Entry) -> Bool) {
        var kept: [Entry] = []
        var places = [Int32](repeating: -1, count: entries.count)
        var newTexts: [UInt8] = []
        var newLabels: [UInt8] = []
        for (index, entry) in entries.enumerated() where condition(entry) {
            places[index] = Int32(kept.count)
            var entry = entry
            let text = newTexts.count
            newTexts += texts[entry.text]
            entry.text = text..<newTexts.count
            let labels = newLabels.count
            newLabels += labelBytes[entry.labels]
            entry.labels = labels..<newLabels.count
            kept.append(entry)
        }
        for index in kept.indices where kept[index].next >= 0 {
            kept[index].next = places[Int(kept[index].next)]
        }
        entries = kept
        texts = newTexts
        labelBytes = newLabels
        rebuildTable()
    }

    private mutating func rebuildTable() {
        var size = 16
        while size < entries.count * 4 { size *= 2 }
        table = [Int32](repeating: 0, count: size)
        for index in entries.indices { place(index) }
    }

    private mutating func place(_ index: Int) {
        var place = Int(truncatingIfNeeded: entries[index].hash) & (table.count - 1)
        while table[place] != 0 { place = (place + 1) & (table.count - 1) }
        table[place] = Int32(truncatingIfNeeded: index + 1)
    }
}
