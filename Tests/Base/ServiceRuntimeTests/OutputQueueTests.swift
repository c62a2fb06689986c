import TestSupport
import Testing

@testable import ServiceRuntime

@Suite struct OutputQueueTests {
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `bytes leave in order however pieces and writes are cut`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var queue = OutputQueue()
        var given: [UInt8] = []
        var written: [UInt8] = []
        for _ in 0..<60 {
            let length = [0, 1, 100, 9000, 40000].randomElement(using: &random) ?? 0
            let piece = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
            given += piece
            queue.append(piece)
            for _ in 0..<2 {
                let room = Int.random(in: 1...30000, using: &random)
                let count = unsafe queue.writeFirst { bytes, _ in
                    let taken = min(room, bytes.count)
                    written += unsafe Array(bytes[..<taken])
                    return taken
                }
                #expect(count >= 0)
            }
            #expect(queue.count == given.count - written.count)
        }
        while queue.count > 0 {
            let left = queue.count
            _ = unsafe queue.writeFirst { bytes, more in
                #expect(more == (bytes.count < left))
                written += unsafe Array(bytes)
                return bytes.count
            }
        }
        #expect(written == given)
    }

    @Test func `a write that fails leaves everything`() {
        var queue = OutputQueue()
        queue.append([1, 2, 3])
        let taken = unsafe queue.writeFirst { _, _ in -11 }
        #expect(taken == -11)
        #expect(queue.count == 3)
    }
}
