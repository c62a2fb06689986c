import Model
import TestSupport
import Testing
import Timekeeping

@testable import MetricStore

@Suite("Slab and tables")
struct InnerStructureTests {
    @Test("blocks keep their bytes", arguments: 1...4 as ClosedRange<UInt64>)
    func slab(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let budget = MemoryBudget(maxBytes: 64 << 20, maxSeries: 10)
        do {
            var slab = Slab(budget: budget)
            var blocks: [(block: BlockReference, size: Int, mark: UInt8)] = []
            var taken: Set<BlockReference> = []
            for step in 0..<8000 {
                let grows =
                    Int.random(in: 0..<100, using: &random) < (step / 2000 % 2 == 0 ? 60 : 40)
                if grows || blocks.isEmpty {
                    let size =
                        Int.random(in: 0..<20, using: &random) == 0
                        ? Int.random(in: 1...Slab.blockBytesMax, using: &random)
                        : Int.random(in: 1...300, using: &random)
                    let block = slab.allocate(size, isEssential: true)
                    #expect(taken.insert(block).inserted)
                    #expect(slab.blockBytes(of: block) >= size)
                    #expect(slab.blockBytes(of: block) == slab.blockBytes(for: size))
                    let mark = UInt8.random(in: .min ... .max, using: &random)
                    unsafe slab.address(block).initializeMemory(
                        as: UInt8.self,
                        repeating: mark,
                        count: size
                    )
                    blocks.append((block, size, mark))
                } else {
                    let index = Int.random(in: 0..<blocks.count, using: &random)
                    let (block, size, mark) = blocks.remove(at: index)
                    let bytes = unsafe UnsafeRawBufferPointer(
                        start: slab.address(block),
                        count: size
                    )
                    let isKept = unsafe bytes.allSatisfy { $0 == mark }
                    #expect(isKept)
                    slab.free(block)
                    taken.remove(block)
                }
            }
            let live = blocks.reduce(0) { $0 + slab.blockBytes(for: $1.size) }
            #expect(slab.liveBytes == live)
            #expect(budget.bytes == slab.heldBytes)
            for (block, _, _) in blocks { slab.free(block) }
            #expect(slab.liveBytes == 0)
            #expect(slab.heldBytes <= 4 * (64 << 10))
        }
        #expect(budget.bytes == 0)
    }

    @Test func aFullBudgetGivesOnlyWhatIsFree() {
        let budget = MemoryBudget(maxBytes: 128 << 10, maxSeries: 10)
        var slab = Slab(budget: budget)
        var blocks: [BlockReference] = []
        while true {
            let block = slab.allocate(100, isEssential: false)
            if block == 0 { break }
            blocks.append(block)
        }
        #expect(budget.bytes == 128 << 10)
        #expect(blocks.count == 2 * ((64 << 10) / 112))
        slab.free(blocks.removeLast())
        #expect(slab.allocate(80, isEssential: false) != 0)
        #expect(slab.allocate(80, isEssential: false) == 0)
        #expect(slab.allocate(80, isEssential: true) != 0)
    }

    @Test("alias table equals dictionary", arguments: 1...4 as ClosedRange<UInt64>)
    func aliasTable(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let budget = MemoryBudget(maxBytes: 64 << 20, maxSeries: 10)
        var table = AliasTable(budget: budget, capacity: 16)
        var model: [UInt64: (hash: LabelHash, target: UInt32)] = [:]
        for step in 0..<20_000 {
            // Crowded places, so that runs are long and wrap around the end.
            let primary =
                UInt64.random(in: 0..<500, using: &random)
                | ([0, UInt64.max << 10, 1 << 63].randomElement(using: &random) ?? 0)
            if let (hash, target) = model[primary] {
                #expect(table.find(hash) == target)
                if Bool.random(using: &random) {
                    table.remove(primary: primary, target: target)
                    model[primary] = nil
                    #expect(table.find(hash) == 0)
                }
            } else {
                let hash = LabelHash(primary: primary, secondary: random.next())
                #expect(table.find(hash) == 0)
                let target = UInt32.random(in: 1..<1000, using: &random)
                table.insert(hash, target: target)
                model[primary] = (hash, target)
            }
            if step % 5000 == 4999 {
                table.removeAll { $0 % 3 == 0 }
                model = model.filter { $0.value.target % 3 != 0 }
            }
            #expect(table.count == model.count)
        }
        for (_, entry) in model { #expect(table.find(entry.hash) == entry.target) }
    }

    @Test func anExpiredSeriesTakesAnySampleAgain() {
        let budget = MemoryBudget(maxBytes: 16 << 20, maxSeries: 10)
        var storage = SeriesStorage(budget: budget)
        let series = storage.create()
        func window(_ now: Int64) -> SeriesStorage.Window {
            SeriesStorage.Window(oldest: now - 1000, newest: now + 1000, lateWindow: -1)
        }
        for time in 0..<100 as Range<Int64> {
            let outcome = storage.append(
                series,
                time: 10_000 + time,
                bits: UInt64(time),
                window: window(10_000)
            )
            #expect(outcome == .accepted)
        }
        // The macro cannot call a member of a value that may not be copied.
        let tooEarly = storage.expire(series, oldest: 10_098)
        #expect(!tooEarly)
        let inTime = storage.expire(series, oldest: 10_099)
        #expect(inTime)
        #expect(storage.sampleCount == 0)
        #expect(storage.expiredCount == 1)
        #expect(storage.slab.liveBytes == 0)
        // The clock stepped back: the sample is older than what was there, but nothing is there any more.
        var outcomes: [SeriesStorage.Outcome] = []
        for time in [9500, 9400, 9600] as [Int64] {
            outcomes.append(storage.append(series, time: time, bits: 7, window: window(9000)))
        }
        #expect(outcomes == [.accepted, .outOfOrder, .accepted])
        #expect(storage.expiredCount == 0)
        let samples = storage.samples(series, after: .min, through: .max)
        #expect(samples.map(\.timestamp.milliseconds) == [9500, 9600])
    }

    @Test func hashesDifferWhereBytesDo() {
        var random = SeededGenerator(seed: 1)
        let hasher = LabelHasher(using: &random)
        var seen: Set<UInt64> = []
        var count = 0
        for length in [0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 246, 1023, 1024, 1025, 3000] {
            let base = [UInt8](repeating: 0, count: length)
            for position in -1..<min(length, 300) {
                var bytes = base
                if position >= 0 { bytes[position] = 1 }
                let hash = unsafe bytes.withUnsafeBytes { buffer in
                    let start =
                        unsafe buffer.baseAddress
                        ?? UnsafeRawPointer(bitPattern: 16).unsafelyUnwrapped
                    return unsafe hasher.hash(start, count: length)
                }
                seen.insert(hash.primary)
                seen.insert(hash.secondary)
                count += 2
            }
        }
        #expect(seen.count == count)
    }

    @Test func theGateBoundsWhatIsUnderWay() {
        let gate = AdmissionGate(samplesMax: 100)
        #expect(gate.enter(samples: 1, waits: true) == .closed)
        gate.open()
        // One batch enters whatever its size.
        #expect(gate.enter(samples: 500, waits: false) == .entered)
        #expect(gate.isFull)
        #expect(gate.enter(samples: 1, waits: false) == .full)
        gate.leave(samples: 500)
        #expect(gate.enter(samples: 60, waits: false) == .entered)
        #expect(gate.enter(samples: 41, waits: false) == .full)
        #expect(gate.enter(samples: 40, waits: false) == .entered)
        gate.leave(samples: 60)
        gate.leave(samples: 40)
        gate.close()
        #expect(gate.enter(samples: 1, waits: false) == .closed)
    }
}
