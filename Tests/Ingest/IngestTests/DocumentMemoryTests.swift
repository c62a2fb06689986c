import Ingest
import Testing

@Suite struct DocumentMemoryTests {
    @Test func aDocumentIsKnownOnceItIsInAndUntilItIsForgotten() {
        let memory = DocumentMemory(countMax: 3)
        #expect(memory.begin([1, 2, 1]) == .known([false, false, true]))
        #expect(memory.begin([3, 1]) == .pending)
        // What was new in the request that is to come again is not on its way.
        #expect(memory.begin([3]) == .known([false]))
        memory.abandon([3])
        memory.finish([1, 2])
        #expect(memory.begin([1, 2, 3]) == .known([true, true, false]))
        memory.finish([3])
        #expect(memory.begin([4]) == .known([false]))
        memory.finish([4])
        #expect(memory.begin([1, 2]) == .known([false, true]))
        memory.abandon([1])
        #expect(memory.begin([1]) == .known([false]))
    }
}
