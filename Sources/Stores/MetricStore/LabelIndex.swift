import Glibc
import Model

/// Which series have which labels, for one shard.
///
/// Owned by one thread.
@safe
struct LabelIndex: ~Copyable {
    private let region: MappedRegion
    let budget: MemoryBudget
    private let hasher: LabelHasher
    /// Pairs that were ever used, freed ones among them.
    private(set) var pairCount = 0
    let pairsMax: Int
    /// What a pair takes beside its text and its list, and what a name takes beside its pair, about.
    private static let pairBytes = MemoryLayout<LabelPair>.stride + 8
    private static let nameBytes = 256
    private var freePairs: [UInt32] = []
    /// Pair numbers plus one by hash; 0 in an empty place.
    private var slots: [UInt32]
    private var slotsUsed = 0
    private(set) var names: [LabelName] = []
    /// Pairs of the names of the series that was added last, in their order.
    private var recentNames: [UInt32] = []
    private var freeNames: [Int] = []
    /// Counts series that came and purges.
    private(set) var changes: UInt64 = 0
    /// `changes` when a series last came to or went from a metric, by the pair of the metric's name.
    private(set) var metricChanges: [UInt32: UInt64] = [:]
    /// Counts series that came.
    private(set) var creations: UInt64 = 0
    /// True while a snapshot is made: pairs that nobody has any more keep their numbers until its end.
    private var keepsEmptyPairs = false
    private var emptyPairs: [UInt32] = []
    /// The numbers of the series that came last, by count.
    private var recentSeries: [UInt32] = []
    private static let recentSeriesMax = 1 << 13

    /// An empty index with room for what the budget allows, and for what a snapshot of so many bytes holds.
    init(budget: MemoryBudget, hasher: LabelHasher, snapshotBytes: Int = 0) {
        self.budget = budget
        self.hasher = hasher
        // A pair's own bytes alone would fill the budget before this many exist.
        pairsMax = (budget.maxBytes + snapshotBytes) / MemoryLayout<LabelPair>.stride + 4096
        region = MappedRegion(reserving: pairsMax * MemoryLayout<LabelPair>.stride)
        slots = Array(repeating: 0, count: 1024)
        budget.add(bytes: slots.count * 4)
    }

    deinit {
        for number in 0..<pairCount where unsafe pairs[number].capacity > LabelPair.slabListMax {
            budget.add(bytes: unsafe -Int(pairs[number].capacity) * 4)
            unsafe free(UnsafeMutableRawPointer(bitPattern: UInt(pairs[number].list)))
        }
        budget.add(
            bytes: -(slots.count + recentSeries.count) * 4 - pairCount
                * LabelIndex.pairBytes
                - nameCount * LabelIndex.nameBytes
        )
    }

    /// The pairs by number; valid as long as the index.
    var pairs: UnsafeMutablePointer<LabelPair> {
        unsafe region.base.assumingMemoryBound(to: LabelPair.self)
    }

    var nameCount: Int { names.count - freeNames.count }
    /// Different name and value pairs.
    var valueCount: Int { pairCount - freePairs.count - nameCount }

    // MARK: Texts

    func text(_ pair: UInt32, _ slab: borrowing Slab) -> UnsafeRawBufferPointer {
        let entry = unsafe pairs + Int(pair)
        return unsafe UnsafeRawBufferPointer(
            start: slab.address(entry.pointee.text),
            count: Int(entry.pointee.textLength)
        )
    }

    func string(_ pair: UInt32, _ slab: borrowing Slab) -> String {
        unsafe String(decoding: text(pair, slab), as: UTF8.self)
    }

    /// The name that a value belongs to.
    func name(of pair: UInt32) -> Int {
        unsafe Int(pairs[Int(pairs[Int(pair)].parent)].list)
    }

    /// The pair of this text under `parent`; nil when no series has it.
    func find(
        _ bytes: UnsafeRawBufferPointer,
        parent: UInt32,
        _ slab: borrowing Slab
    ) -> UInt32? {
        unsafe find(bytes, parent: parent, hash: hash(bytes, parent), slab)
    }

    private func find(
        _ bytes: UnsafeRawBufferPointer,
        parent: UInt32,
        hash: UInt32,
        _ slab: borrowing Slab
    ) -> UInt32? {
        var place = LabelIndex.place(hash, slots.count)
        while slots[place] != 0 {
            let number = slots[place] - 1
            let isSame =
                unsafe pairs[Int(number)].hash == hash && equals(number, parent, bytes, slab)
            if isSame { return number }
            place = place + 1 == slots.count ? 0 : place + 1
        }
        return nil
    }

    /// The name with this text; nil when no series has it.
    func findName(_ text: String, _ slab: borrowing Slab) -> Int? {
        var text = text
        return text.withUTF8 { bytes in
            unsafe find(UnsafeRawBufferPointer(bytes), parent: LabelPair.rootParent, slab).map {
                unsafe Int(pairs[Int($0)].list)
            }
        }
    }

    /// The pair of a name and a value; nil when no series has it.
    func findValue(_ text: String, name: Int, _ slab: borrowing Slab) -> UInt32? {
        var text = text
        let parent = names[name].pair
        return text.withUTF8 { bytes in
            unsafe find(UnsafeRawBufferPointer(bytes), parent: parent, slab)
        }
    }

    private func equals(
        _ number: UInt32,
        _ parent: UInt32,
        _ bytes: UnsafeRawBufferPointer,
        _ slab: borrowing Slab
    ) -> Bool {
        let entry = unsafe pairs + Int(number)
        guard unsafe entry.pointee.parent == parent,
            unsafe Int(entry.pointee.textLength) == bytes.count
        else { return false }
        guard let start = bytes.baseAddress else { return true }
        return unsafe memcmp(slab.address(entry.pointee.text), start, bytes.count) == 0
    }

    private func hash(_ bytes: UnsafeRawBufferPointer, _ parent: UInt32) -> UInt32 {
        guard let start = bytes.baseAddress else { return parent }
        let hash = unsafe hasher.hash(start, count: bytes.count).primary
        return UInt32(truncatingIfNeeded: (hash ^ (UInt64(parent) &* 0x9e37_79b9_7f4a_7c15)) >> 32)
    }

    private static func place(_ hash: UInt32, _ capacity: Int) -> Int {
        Int((UInt64(hash) &* UInt64(capacity)) >> 32)
    }

    // MARK: Interning

    /// The pair of this text under `parent`, made when there is none.
    private mutating func intern(
        _ bytes: UnsafeRawBufferPointer,
        parent: UInt32,
        _ slab: inout Slab
    ) -> UInt32 {
        let hash = unsafe hash(bytes, parent)
        if let known = unsafe find(bytes, parent: parent, hash: hash, slab) { return known }
        let number = newPair()
        let entry = unsafe pairs + Int(number)
        unsafe entry.pointee = LabelPair()
        unsafe entry.pointee.hash = hash
        unsafe entry.pointee.parent = parent
        unsafe entry.pointee.textLength = UInt32(bytes.count)
        unsafe entry.pointee.text = slab.allocate(max(1, bytes.count), isEssential: true)
        if let start = bytes.baseAddress {
            unsafe slab.address(entry.pointee.text).copyMemory(
                from: start,
                byteCount: bytes.count
            )
        }
        if parent == LabelPair.rootParent {
            let name = freeNames.popLast() ?? names.count
            if name == names.count { names.append(LabelName()) }
            budget.add(bytes: LabelIndex.nameBytes)
            names[name].text = string(number, slab)
            names[name].pair = number
            unsafe entry.pointee.list = UInt64(name)
        } else {
            let name = unsafe Int(pairs[Int(parent)].list)
            unsafe entry.pointee.ordinal = names[name].add(number)
        }
        insertSlot(number)
        return number
    }

    /// The pair of a name, which most often stood at the same place in the series before.
    private mutating func internName(
        _ bytes: UnsafeRawBufferPointer,
        place: Int,
        _ slab: inout Slab
    ) -> UInt32 {
        if place < recentNames.count {
            let recent = recentNames[place]
            if unsafe equals(recent, LabelPair.rootParent, bytes, slab) { return recent }
        }
        let name = unsafe intern(bytes, parent: LabelPair.rootParent, &slab)
        if place < recentNames.count {
            recentNames[place] = name
        } else {
            recentNames.append(name)
        }
        return name
    }

    private mutating func newPair() -> UInt32 {
        if let free = freePairs.popLast() { return free }
        precondition(pairCount < pairsMax, "more label pairs than the memory limit can hold")
        pairCount += 1
        budget.add(bytes: LabelIndex.pairBytes)
        return UInt32(pairCount - 1)
    }

    private mutating func insertSlot(_ number: UInt32) {
        if (slotsUsed + 1) * 4 > slots.count * 3 {
            let old = slots
            slots = Array(repeating: 0, count: old.count * 2)
            budget.add(bytes: old.count * 4)
            for slot in old where slot != 0 { fillSlot(slot - 1) }
        }
        fillSlot(number)
        slotsUsed += 1
    }

    private mutating func fillSlot(_ number: UInt32) {
        var place = unsafe LabelIndex.place(pairs[Int(number)].hash, slots.count)
        while slots[place] != 0 { place = place + 1 == slots.count ? 0 : place + 1 }
        slots[place] = number + 1
    }

    /// Frees a pair that no series has any more; its name too, when that was its last value.
    private mutating func freePair(_ number: UInt32, _ slab: inout Slab) {
        let entry = unsafe pairs[Int(number)]
        removeSlot(number)
        slab.free(entry.text)
        unsafe pairs[Int(number)] = LabelPair()
        freePairs.append(number)
        metricChanges[number] = nil
        guard entry.parent != LabelPair.rootParent else {
            names[Int(entry.list)] = LabelName()
            freeNames.append(Int(entry.list))
            budget.add(bytes: -LabelIndex.nameBytes)
            return
        }
        let name = unsafe Int(pairs[Int(entry.parent)].list)
        names[name].remove(entry.ordinal)
        if names[name].valueCount == 0 { freePair(entry.parent, &slab) }
    }

    private mutating func removeSlot(_ number: UInt32) {
        let capacity = slots.count
        var hole = unsafe LabelIndex.place(pairs[Int(number)].hash, capacity)
        while slots[hole] != number + 1 { hole = hole + 1 == capacity ? 0 : hole + 1 }
        var index = hole
        while true {
            index = index + 1 == capacity ? 0 : index + 1
            guard slots[index] != 0 else { break }
            let home = unsafe LabelIndex.place(pairs[Int(slots[index] - 1)].hash, capacity)
            let distanceHome = index >= home ? index - home : index + capacity - home
            let distanceHole = index >= hole ? index - hole : index + capacity - hole
            guard distanceHome >= distanceHole else { continue }
            slots[hole] = slots[index]
            hole = index
        }
        slots[hole] = 0
        slotsUsed -= 1
    }

    // MARK: Series

    /// Adds a new series.
    ///
    /// - Parameters:
    ///   - series: Its number.
    ///   - fields: Its labels in order of names, as places in `bytes`.
    ///   - bytes: The label bytes of the batch.
    ///   - slab: Where texts and lists go.
    /// - Returns: A block with the numbers of its pairs in the same order.
    mutating func add(
        _ series: UInt32,
        _ fields: [LabelDecoder.Field],
        _ bytes: UnsafeRawBufferPointer,
        _ slab: inout Slab
    ) -> BlockReference {
        changes += 1
        if recentSeries.count < LabelIndex.recentSeriesMax {
            recentSeries.append(series)
            budget.add(bytes: 4)
        } else {
            recentSeries[Int(creations % UInt64(LabelIndex.recentSeriesMax))] = series
        }
        creations += 1
        let block = slab.allocate(max(4, fields.count * 4), isEssential: true)
        for (index, field) in fields.enumerated() {
            let name = unsafe internName(
                UnsafeRawBufferPointer(rebasing: bytes[field.name]),
                place: index,
                &slab
            )
            let pair = unsafe intern(
                UnsafeRawBufferPointer(rebasing: bytes[field.value]),
                parent: name,
                &slab
            )
            unsafe slab.address(block).storeBytes(
                of: pair,
                toByteOffset: index * 4,
                as: UInt32.self
            )
            addToList(pair, series, &slab)
            if unsafe names[Int(pairs[Int(name)].list)].text == LabelSet.metricName {
                metricChanges[pair] = changes
            }
        }
        return block
    }

    private mutating func addToList(_ pair: UInt32, _ series: UInt32, _ slab: inout Slab) {
        let entry = unsafe pairs + Int(pair)
        let count = unsafe Int(entry.pointee.count)
        if count == 0 {
            unsafe entry.pointee.list = UInt64(series)
            unsafe entry.pointee.count = 1
            return
        }
        if unsafe count >= Int(entry.pointee.capacity) {
            unsafe resizeList(entry, to: max(4, count + count / 2), &slab)
        }
        let list = unsafe listStart(entry, slab)
        if unsafe series < list[count - 1] { unsafe entry.pointee.isSorted = false }
        unsafe list[count] = series
        unsafe entry.pointee.count += 1
    }

    private mutating func resizeList(
        _ entry: UnsafeMutablePointer<LabelPair>,
        to wanted: Int,
        _ slab: inout Slab
    ) {
        let count = unsafe Int(entry.pointee.count)
        let old = unsafe entry.pointee
        var list = 0 as UInt64
        var capacity = wanted
        let target: UnsafeMutablePointer<UInt32>
        if wanted <= LabelPair.slabListMax {
            let block = slab.allocate(wanted * 4, isEssential: true)
            capacity = min(slab.blockBytes(of: block) / 4, LabelPair.slabListMax)
            list = UInt64(block)
            unsafe target = slab.address(block).assumingMemoryBound(to: UInt32.self)
        } else {
            guard let memory = unsafe malloc(wanted * 4) else { fatalError("out of memory") }
            budget.add(bytes: wanted * 4)
            unsafe target = memory.assumingMemoryBound(to: UInt32.self)
            list = UInt64(UInt(bitPattern: memory))
        }
        unsafe target.update(from: listStart(entry, slab), count: count)
        unsafe entry.pointee.list = list
        unsafe entry.pointee.capacity = UInt32(capacity)
        freeList(old, &slab)
    }

    private func freeList(_ entry: LabelPair, _ slab: inout Slab) {
        guard entry.capacity > 0 else { return }
        if entry.capacity <= LabelPair.slabListMax {
            slab.free(BlockReference(entry.list))
        } else {
            unsafe free(UnsafeMutableRawPointer(bitPattern: UInt(entry.list)))
            budget.add(bytes: -Int(entry.capacity) * 4)
        }
    }

    /// Where a pair's series stand; a lone one in the pair itself.
    private func listStart(
        _ entry: UnsafeMutablePointer<LabelPair>,
        _ slab: borrowing Slab
    ) -> UnsafeMutablePointer<UInt32> {
        let capacity = unsafe entry.pointee.capacity
        if capacity == 0 {
            // The low half of `list`, which stands first in a pair.
            return unsafe UnsafeMutableRawPointer(entry).assumingMemoryBound(to: UInt32.self)
        }
        if capacity <= LabelPair.slabListMax {
            return unsafe slab.address(BlockReference(entry.pointee.list)).assumingMemoryBound(
                to: UInt32.self
            )
        }
        return unsafe UnsafeMutablePointer(bitPattern: UInt(entry.pointee.list)).unsafelyUnwrapped
    }

    /// Numbers of the series that have a pair, ascending; valid until the index changes.
    func series(of pair: UInt32, _ slab: borrowing Slab) -> UnsafeBufferPointer<UInt32> {
        let entry = unsafe pairs + Int(pair)
        var list = unsafe UnsafeMutableBufferPointer(
            start: listStart(entry, slab),
            count: Int(entry.pointee.count)
        )
        if unsafe !entry.pointee.isSorted {
            unsafe list.sort()
            unsafe entry.pointee.isSorted = true
        }
        return UnsafeBufferPointer(list)
    }

    /// Numbers of the series that came since `creations` was that count, each once, ascending.
    ///
    /// A purged one's number may be among them, whoever has it now. Nil when they are too many to be known.
    func recentSeries(since count: UInt64) -> [UInt32]? {
        guard creations - count <= UInt64(LabelIndex.recentSeriesMax) else { return nil }
        var list: [UInt32] = []
        for number in count..<creations {
            list.append(recentSeries[Int(number % UInt64(LabelIndex.recentSeriesMax))])
        }
        list.sort()
        var kept = 0
        for place in list.indices where place == 0 || list[place] != list[place - 1] {
            list[kept] = list[place]
            kept += 1
        }
        list.removeLast(list.count - kept)
        return list
    }

    /// How many series have the metric name that is among these labels; 0 when it is new or missing.
    func metricSeries(
        _ fields: [LabelDecoder.Field],
        _ bytes: UnsafeRawBufferPointer,
        _ slab: borrowing Slab
    ) -> Int {
        guard let name = findName(LabelSet.metricName, slab) else { return 0 }
        let pair = names[name].pair
        for field in fields {
            let text = unsafe UnsafeRawBufferPointer(rebasing: bytes[field.name])
            guard unsafe equals(pair, LabelPair.rootParent, text, slab) else { continue }
            let value = unsafe UnsafeRawBufferPointer(rebasing: bytes[field.value])
            return unsafe find(value, parent: pair, slab).map { count(of: $0) } ?? 0
        }
        return 0
    }

    /// How many series have a pair.
    func count(of pair: UInt32) -> Int { unsafe Int(pairs[Int(pair)].count) }

    /// Takes series out of the lists of all pairs they have; pairs that nobody has any more are freed.
    ///
    /// - Parameters:
    ///   - leaving: Bits by number of series.
    ///   - affected: The pairs that those series have; may name one several times.
    ///   - slab: Where texts and lists are.
    mutating func purge(_ leaving: [UInt64], affected: [UInt32], _ slab: inout Slab) {
        changes += 1
        for pair in Set(affected).sorted() {
            let entry = unsafe pairs + Int(pair)
            let count = unsafe Int(entry.pointee.count)
            let list = unsafe listStart(entry, slab)
            var kept = 0
            for index in 0..<count {
                let series = unsafe list[index]
                guard leaving[Int(series) / 64] & (1 << UInt64(series % 64)) == 0 else { continue }
                unsafe list[kept] = series
                kept += 1
            }
            unsafe entry.pointee.count = UInt32(kept)
            if metricChanges[pair] != nil { metricChanges[pair] = changes }
            if kept == 0 {
                unsafe freeList(entry.pointee, &slab)
                unsafe entry.pointee.list = 0
                unsafe entry.pointee.capacity = 0
                if keepsEmptyPairs {
                    emptyPairs.append(pair)
                } else {
                    freePair(pair, &slab)
                }
            } else if kept > 1, unsafe kept * 4 < Int(entry.pointee.capacity) {
                unsafe resizeList(entry, to: max(4, kept + kept / 2), &slab)
            }
        }
    }

    /// Judges the values of a name that were not judged yet by this matcher; returns all verdicts.
    mutating func verdicts(
        of matcher: LabelMatcher,
        name: Int,
        _ slab: borrowing Slab
    ) -> LabelName.Verdicts {
        if names[name].verdicts.count >= LabelName.verdictsMax {
            names[name].verdicts.removeAll()
        }
        var verdicts = names[name].verdicts.removeValue(forKey: matcher) ?? LabelName.Verdicts()
        if verdicts.changes != names[name].changes {
            let words = (names[name].values.count + 63) / 64
            while verdicts.known.count < words {
                verdicts.known.append(0)
                verdicts.allowed.append(0)
            }
            for (ordinal, pair) in names[name].values.enumerated() where pair != LabelName.noPair {
                let word = ordinal / 64
                let bit = UInt64(1) << UInt64(ordinal % 64)
                guard verdicts.known[word] & bit == 0 else { continue }
                verdicts.known[word] |= bit
                if matcher.matches(string(pair, slab)) {
                    verdicts.allowed[word] |= bit
                } else {
                    verdicts.allowed[word] &= ~bit
                }
            }
            verdicts.changes = names[name].changes
        }
        names[name].verdicts[matcher] = verdicts
        return verdicts
    }

    // MARK: Snapshots

    /// From here on no pair's number is given to another.
    mutating func holdPairs() { keepsEmptyPairs = true }

    /// The end of `holdPairs`: frees the pairs that nobody has any more.
    mutating func releasePairs(_ slab: inout Slab) {
        keepsEmptyPairs = false
        for pair in Set(emptyPairs).sorted() where unsafe pairs[Int(pair)].count == 0 {
            freePair(pair, &slab)
        }
        emptyPairs = []
    }

    /// Makes pairs that lie in their places, and the labels that heads name, the contents of an empty index.
    ///
    /// - Parameters:
    ///   - count: Pairs.
    ///   - changes: As it was when the snapshot was made.
    ///   - storage: Adopted already.
    /// - Returns: False when they do not fit together.
    mutating func adopt(
        pairs count: Int,
        changes: UInt64,
        _ storage: inout SeriesStorage
    ) -> Bool {
        self.changes = changes
        for number in 0..<count {
            // Whatever the file says: lists are made below, and only names keep a number here.
            unsafe pairs[number].count = 0
            unsafe pairs[number].capacity = 0
            unsafe pairs[number].isSorted = true
        }
        pairCount = count
        budget.add(bytes: count * LabelIndex.pairBytes)
        guard adoptNames(storage.slab), adoptValues(storage.slab) else { return false }
        guard let counts = countSeries(storage) else { return false }
        fillLists(counts, &storage)
        dropEmptyPairs(&storage.slab)
        if let name = findName(LabelSet.metricName, storage.slab) {
            for pair in names[name].values where pair != LabelName.noPair {
                metricChanges[pair] = changes
            }
        }
        return true
    }

    /// Finds the names, and makes the table of all pairs.
    private mutating func adoptNames(_ slab: borrowing Slab) -> Bool {
        budget.add(bytes: -slots.count * 4)
        slots = Array(repeating: 0, count: max(1024, pairCount + pairCount / 2))
        budget.add(bytes: slots.count * 4)
        slotsUsed = 0
        for number in 0..<UInt32(pairCount) {
            let entry = unsafe pairs + Int(number)
            guard unsafe entry.pointee.text != 0 else {
                freePairs.append(number)
                continue
            }
            guard
                unsafe slab.holds(
                    entry.pointee.text,
                    byteCount: max(1, Int(entry.pointee.textLength))
                )
            else { return false }
            fillSlot(number)
            slotsUsed += 1
            guard unsafe entry.pointee.parent == LabelPair.rootParent else { continue }
            let name = unsafe Int(clamping: entry.pointee.list)
            guard name < pairCount else { return false }
            while names.count <= name { names.append(LabelName()) }
            guard names[name].text.isEmpty else { return false }
            names[name].text = string(number, slab)
            names[name].pair = number
        }
        for name in names.indices where names[name].text.isEmpty { freeNames.append(name) }
        budget.add(bytes: nameCount * LabelIndex.nameBytes)
        return true
    }

    /// Gives each value its place among those of its name.
    private mutating func adoptValues(_ slab: borrowing Slab) -> Bool {
        for number in 0..<UInt32(pairCount) {
            let entry = unsafe pairs[Int(number)]
            guard entry.text != 0, entry.parent != LabelPair.rootParent else { continue }
            guard Int(entry.parent) < pairCount else { return false }
            let parent = unsafe pairs[Int(entry.parent)]
            guard parent.text != 0, parent.parent == LabelPair.rootParent else { return false }
            unsafe pairs[Int(number)].ordinal = names[Int(parent.list)].add(number)
        }
        return true
    }

    /// How many series have each pair; nil when a series has one that is none.
    private func countSeries(_ storage: borrowing SeriesStorage) -> [Int32]? {
        var counts = [Int32](repeating: 0, count: pairCount)
        for number in 0..<pairCount {
            let isValue =
                unsafe pairs[number].text != 0 && pairs[number].parent != LabelPair.rootParent
            if !isValue { counts[number] = -1 }
        }
        for series in 0..<storage.headCount {
            let head = unsafe storage.heads + series
            guard unsafe head.pointee.state != SeriesHead.State.free else { continue }
            let next = unsafe storage.heads + min(series + 8, storage.headCount - 1)
            storage.slab.prefetch(unsafe next.pointee.labels)
            let labels = unsafe storage.slab.address(head.pointee.labels).assumingMemoryBound(
                to: UInt32.self
            )
            for place in 0..<Int(unsafe head.pointee.labelCount) {
                let pair = unsafe Int(labels[place])
                guard pair < pairCount, counts[pair] >= 0 else { return nil }
                counts[pair] += 1
            }
        }
        return counts
    }

    /// Makes each pair's list of series, all ascending.
    private mutating func fillLists(_ counts: [Int32], _ storage: inout SeriesStorage) {
        for (number, count) in counts.enumerated() where count > 1 {
            unsafe resizeList(pairs + number, to: Int(count), &storage.slab)
        }
        for series in 0..<storage.headCount {
            let head = unsafe storage.heads + series
            guard unsafe head.pointee.state != SeriesHead.State.free else { continue }
            let labels = unsafe storage.slab.address(head.pointee.labels).assumingMemoryBound(
                to: UInt32.self
            )
            for place in 0..<Int(unsafe head.pointee.labelCount) {
                let entry = unsafe pairs + Int(labels[place])
                if unsafe entry.pointee.capacity == 0 {
                    unsafe entry.pointee.list = UInt64(series)
                } else {
                    unsafe listStart(entry, storage.slab)[Int(entry.pointee.count)] =
                        UInt32(truncatingIfNeeded: series)
                }
                unsafe entry.pointee.count += 1
            }
        }
    }

    /// Frees pairs that no series of the snapshot has.
    private mutating func dropEmptyPairs(_ slab: inout Slab) {
        for number in 0..<UInt32(pairCount) {
            let entry = unsafe pairs[Int(number)]
            guard entry.text != 0 else { continue }
            let isEmpty =
                entry.parent == LabelPair.rootParent
                ? names[Int(entry.list)].valueCount == 0 : entry.count == 0
            if isEmpty { freePair(number, &slab) }
        }
    }
}
