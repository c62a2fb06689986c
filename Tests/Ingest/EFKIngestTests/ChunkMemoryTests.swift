import Testing

@testable import EFKIngest

@Suite struct ChunkMemoryTests {
    func chunk(_ number: UInt8, hash: Int = 0) -> ChunkIdentity {
        ChunkIdentity(high: UInt64(number), low: UInt64(hash))
    }

    @Test func aChunkIsFreshThenPendingThenTaken() {
        var memory = ChunkMemory(countMax: 3)
        #expect(memory.begin(chunk(1)) == .fresh)
        #expect(memory.begin(chunk(1)) == .pending)
        memory.finish(chunk(1))
        #expect(memory.begin(chunk(1)) == .taken)
        #expect(memory.begin(chunk(1, hash: 9)) == .fresh)
    }

    @Test func anAbandonedChunkMayComeAgain() {
        var memory = ChunkMemory(countMax: 3)
        #expect(memory.begin(chunk(1)) == .fresh)
        memory.abandon(chunk(1))
        #expect(memory.begin(chunk(1)) == .fresh)
    }

    @Test func theOldestIsForgottenFirst() {
        var memory = ChunkMemory(countMax: 3)
        for number in 1...4 as ClosedRange<UInt8> {
            #expect(memory.begin(chunk(number)) == .fresh)
            memory.finish(chunk(number))
        }
        #expect([1, 2, 3, 4].map { memory.begin(chunk($0)) } == [.fresh, .taken, .taken, .taken])
        memory.finish(chunk(1))
        #expect([2, 3, 4, 1].map { memory.begin(chunk($0)) } == [.fresh, .taken, .taken, .taken])
    }

    @Test func identitiesDifferInAnyByte() {
        let message = Messages.message("t", 1, "a", chunk: "x")
        let one = ChunkIdentity(of: message)
        #expect(one == ChunkIdentity(of: message))
        for index in message.indices {
            var other = message
            other[index] ^= 1
            #expect(ChunkIdentity(of: other) != one)
        }
    }

    @Test func remembersInTheOrderOfTaking() {
        var memory = ChunkMemory(countMax: 3)
        for number in 1...5 as ClosedRange<UInt8> {
            _ = memory.begin(chunk(number))
            memory.finish(chunk(number))
        }
        #expect(memory.remembered == [chunk(3), chunk(4), chunk(5)])
    }
}
