import CLinux

/// A block of the slab: its address in units of 16 bytes from the slab's base; 0 is no block.
typealias BlockReference = UInt32

/// Blocks of memory by size class, in one region: O(1) to take and to free, nothing ever moves.
///
/// The region is cut into pages of 64 KiB, each of which serves one size class; a page whose blocks are all
/// free serves any class again, and its memory goes back to the system when many are.
@safe
struct Slab: ~Copyable {
    private struct Page {
        var sizeClass: UInt8 = 0
        var live: UInt16 = 0
        /// The first free block, each of which holds the next; 0 when there is none.
        var free: BlockReference = 0
        /// Blocks from here to `end` were never used.
        var fresh: BlockReference = 0
        var end: BlockReference = 0
        /// Neighbours in the list of pages of the class that have room; -1 at the ends.
        var next: Int32 = -1
        var previous: Int32 = -1
        var isListed = false
    }

    static let unitBytes = 16
    static let pageBytes = 64 << 10
    static let pageUnits = pageBytes / unitBytes
    /// The largest block.
    static let blockBytesMax = 32 << 10
    /// Pages kept for reuse before their memory goes back to the system.
    private static let idlePagesMax = 4

    private let region: MappedRegion
    private let budget: MemoryBudget
    /// Block sizes in units, by class.
    private let classUnits: [UInt32]
    private static let classUnits: [UInt32] = {
        var units = (1...32).map { UInt32($0) }
        while let last = units.last, Int(last) * Slab.unitBytes < Slab.blockBytesMax {
            // Four classes for each doubling: a block is at most a quarter larger than asked.
            let step = UInt32(1) << (31 - UInt32(last.leadingZeroBitCount)) / 4
            units.append(last + step)
        }
        return units
    }()
    /// Pages by number; page 0 is never used, so that no block has reference 0.
    private var pages: [Page] = [Page()]
    /// First page with room, by class; -1 when there is none.
    private var roomy: [Int32]
    /// Empty pages whose memory is still held, and those whose memory was given back.
    private var idlePages: [Int32] = []
    private var returnedPages: [Int32] = []
    /// Bytes of the blocks in use.
    private(set) var liveBytes = 0
    /// Bytes of the pages that hold memory.
    private(set) var heldBytes = 0

    /// A slab that reserves address space for twice the budget, and for `bytes` more, and holds nothing yet.
    init(budget: MemoryBudget, reservingMore bytes: Int = 0) {
        self.budget = budget
        // 2^32 units of 16 bytes are what a reference can name.
        let reserve = min(min(budget.maxBytes, 24 << 30) * 2 + (64 << 20) + bytes, 64 << 30)
        region = MappedRegion(reserving: reserve)
        classUnits = Slab.classUnits
        roomy = Array(repeating: -1, count: classUnits.count)
    }

    deinit {
        budget.add(bytes: -heldBytes)
    }

    /// Free bytes in pages that hold memory.
    var idleBytes: Int { heldBytes - liveBytes }

    /// The base that references count from; valid as long as the slab.
    var base: UnsafeMutableRawPointer { unsafe region.base }

    /// The first byte of a block; valid until the block is freed.
    @inline(__always)
    func address(_ block: BlockReference) -> UnsafeMutableRawPointer {
        unsafe region.base + Int(block) &* Slab.unitBytes
    }

    /// Bytes of the block that `allocate` gives for `byteCount`.
    func blockBytes(for byteCount: Int) -> Int {
        Int(classUnits[sizeClass(for: byteCount)]) * Slab.unitBytes
    }

    /// Bytes of a block in use.
    func blockBytes(of block: BlockReference) -> Int {
        Int(classUnits[Int(pages[Int(block) / Slab.pageUnits].sizeClass)]) * Slab.unitBytes
    }

    /// Takes a block of at least `byteCount` bytes, contents undefined.
    ///
    /// - Parameters:
    ///   - byteCount: 1...`blockBytesMax`.
    ///   - isEssential: True takes memory past the budget rather than failing.
    /// - Returns: 0 when the budget is used up and no free block fits.
    mutating func allocate(_ byteCount: Int, isEssential: Bool) -> BlockReference {
        let wanted = sizeClass(for: byteCount)
        if roomy[wanted] >= 0 { return take(from: wanted) }
        if idlePages.isEmpty, !isEssential, !budget.hasRoom {
            // Out of budget: a free block up to twice as large will do.
            var next = wanted + 1
            while next < classUnits.count, classUnits[next] <= classUnits[wanted] * 2 + 2 {
                if roomy[next] >= 0 { return take(from: next) }
                next += 1
            }
            return 0
        }
        openPage(for: wanted)
        return take(from: wanted)
    }

    /// Gives a block back; its memory must not be used any more.
    mutating func free(_ block: BlockReference) {
        precondition(block != 0, "no block")
        let number = Int(block) / Slab.pageUnits
        unsafe address(block).storeBytes(of: pages[number].free, as: BlockReference.self)
        pages[number].free = block
        pages[number].live -= 1
        liveBytes -= Int(classUnits[Int(pages[number].sizeClass)]) * Slab.unitBytes
        if pages[number].live == 0 {
            if pages[number].isListed { unlist(number) }
            close(number)
        } else if !pages[number].isListed {
            list(number)
        }
    }

    // MARK: Images

    static var sizeClassCount: Int { classUnits.count }

    /// Bytes of the blocks of a class.
    static func blockBytes(sizeClass: Int) -> Int { Int(classUnits[sizeClass]) * unitBytes }

    /// The class of a block in use.
    func sizeClass(of block: BlockReference) -> Int {
        Int(pages[Int(block) / Slab.pageUnits].sizeClass)
    }

    /// Page numbers are below this.
    var pagesMax: Int { region.byteCount / Slab.pageBytes }

    /// True when a reference from outside names a block of `byteCount` bytes at least.
    func holds(_ block: BlockReference, byteCount: Int) -> Bool {
        let number = Int(block) / Slab.pageUnits
        guard number > 0, number < pages.count else { return false }
        let units = classUnits[Int(pages[number].sizeClass)]
        let place = block - BlockReference(number * Slab.pageUnits)
        return place % units == 0 && block < pages[number].fresh
            && byteCount <= Int(units) * Slab.unitBytes
    }

    /// Starts loading a block.
    @inline(__always)
    func prefetch(_ block: BlockReference) { unsafe tocsin_prefetch(address(block)) }

    /// Makes pages whose blocks lie in their places, without gaps, the contents of an empty slab.
    ///
    /// - Parameter image: Pages in any order, numbers from 1 on; a size class and a count of blocks of each.
    /// - Returns: False when numbers are missing or doubled.
    mutating func adopt(_ image: [(number: Int, sizeClass: Int, blocks: Int)]) -> Bool {
        precondition(pages.count == 1, "only an empty slab can adopt pages")
        pages = Array(repeating: Page(), count: image.count + 1)
        for (number, sizeClass, blocks) in image {
            guard number > 0, number < pages.count, pages[number].live == 0, blocks > 0 else {
                return false
            }
            let start = BlockReference(number * Slab.pageUnits)
            let units = classUnits[sizeClass]
            pages[number] = Page(
                sizeClass: UInt8(sizeClass),
                live: UInt16(blocks),
                fresh: start + BlockReference(blocks) * units,
                end: start + BlockReference(Slab.pageUnits)
            )
            liveBytes += blocks * Int(units) * Slab.unitBytes
            if pages[number].fresh + units <= pages[number].end { list(number) }
        }
        heldBytes = image.count * Slab.pageBytes
        budget.add(bytes: heldBytes)
        return true
    }

    // MARK: Pages

    private func sizeClass(for byteCount: Int) -> Int {
        precondition(byteCount > 0 && byteCount <= Slab.blockBytesMax, "no block of that size")
        let units = UInt32((byteCount + Slab.unitBytes - 1) / Slab.unitBytes)
        guard units > 32 else { return Int(units) - 1 }
        var sizeClass = 32
        while classUnits[sizeClass] < units { sizeClass += 1 }
        return sizeClass
    }

    private mutating func take(from sizeClass: Int) -> BlockReference {
        let number = Int(roomy[sizeClass])
        let block: BlockReference
        if pages[number].free != 0 {
            block = pages[number].free
            pages[number].free = unsafe address(block).load(as: BlockReference.self)
        } else {
            block = pages[number].fresh
            pages[number].fresh += classUnits[sizeClass]
        }
        pages[number].live += 1
        liveBytes += Int(classUnits[sizeClass]) * Slab.unitBytes
        let isFull =
            pages[number].free == 0
            && pages[number].fresh + classUnits[sizeClass] > pages[number].end
        if isFull { unlist(number) }
        return block
    }

    private mutating func openPage(for sizeClass: Int) {
        let number: Int
        if let idle = idlePages.popLast() {
            number = Int(idle)
        } else {
            if let returned = returnedPages.popLast() {
                number = Int(returned)
            } else {
                number = pages.count
                precondition(
                    (number + 1) * Slab.pageBytes <= region.byteCount,
                    "the slab has outgrown twice its budget"
                )
                pages.append(Page())
            }
            heldBytes += Slab.pageBytes
            budget.add(bytes: Slab.pageBytes)
        }
        let start = BlockReference(number * Slab.pageUnits)
        pages[number] = Page(
            sizeClass: UInt8(sizeClass),
            fresh: start,
            end: start + BlockReference(Slab.pageUnits)
        )
        list(number)
    }

    private mutating func close(_ number: Int) {
        guard idlePages.count >= Slab.idlePagesMax else {
            idlePages.append(Int32(number))
            return
        }
        region.discard(offset: number * Slab.pageBytes, byteCount: Slab.pageBytes)
        returnedPages.append(Int32(number))
        heldBytes -= Slab.pageBytes
        budget.add(bytes: -Slab.pageBytes)
    }

    private mutating func list(_ number: Int) {
        let sizeClass = Int(pages[number].sizeClass)
        let next = roomy[sizeClass]
        pages[number].next = next
        pages[number].previous = -1
        pages[number].isListed = true
        if next >= 0 { pages[Int(next)].previous = Int32(number) }
        roomy[sizeClass] = Int32(number)
    }

    private mutating func unlist(_ number: Int) {
        let (previous, next) = (pages[number].previous, pages[number].next)
        if previous >= 0 {
            pages[Int(previous)].next = next
        } else {
            roomy[Int(pages[number].sizeClass)] = next
        }
        if next >= 0 { pages[Int(next)].previous = previous }
        pages[number].isListed = false
    }
}
