import Foundation
import Telemetry
import Testing

@testable import EFKIngest

@Suite struct ChunkLogTests {
    func chunks(_ range: Range<Int>) -> [ChunkIdentity] {
        range.map { ChunkIdentity(high: UInt64($0) << 40 | 7, low: UInt64($0)) }
    }

    func bytes(_ path: String) throws -> Int {
        try Data(contentsOf: URL(fileURLWithPath: path)).count
    }

    @Test func whatWasAppendedIsRememberedInOrder() throws {
        let folder = try SecretFolder()
        let path = folder.path("chunks")
        var log = ChunkLog(path: path, countMax: 10, boot: "one")
        #expect(log.remembered() == [])
        try log.append(chunks(0..<2)) { chunks(0..<2) }
        try log.append(chunks(2..<5)) { chunks(0..<5) }
        let again = ChunkLog(path: path, countMax: 10, boot: "one")
        #expect(again.remembered() == chunks(0..<5))
        // Fewer are kept than the file has: the newest.
        let less = ChunkLog(path: path, countMax: 3, boot: "one")
        #expect(less.remembered() == chunks(2..<5))
    }

    @Test func theFileStaysWithinTwiceWhatIsKept() throws {
        let folder = try SecretFolder()
        let path = folder.path("chunks")
        var log = ChunkLog(path: path, countMax: 10, boot: "one")
        for number in 0..<1000 {
            try log.append(chunks(number..<number + 1)) { chunks(max(0, number - 9)..<number + 1) }
            #expect(try bytes(path) <= 52 + 20 * 16)
        }
        let again = ChunkLog(path: path, countMax: 10, boot: "one")
        #expect(again.remembered() == chunks(990..<1000))
    }

    @Test func anotherBootRemembersNothing() throws {
        let folder = try SecretFolder()
        let path = folder.path("chunks")
        var log = ChunkLog(path: path, countMax: 10, boot: "one")
        try log.append(chunks(0..<2)) { chunks(0..<2) }
        for boot in ["two", "on", ""] {
            let other = ChunkLog(path: path, countMax: 10, boot: boot)
            #expect(other.remembered() == [])
        }
        #expect(ChunkLog.currentBoot().utf8.count == 36)
    }

    @Test func halfAnIdentityAndForeignFilesAreNothing() throws {
        let folder = try SecretFolder()
        let path = folder.path("chunks")
        var log = ChunkLog(path: path, countMax: 10, boot: "one")
        try log.append(chunks(0..<3)) { chunks(0..<3) }
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        for count in 0..<whole.count {
            try whole.prefix(count).write(to: URL(fileURLWithPath: path))
            let again = ChunkLog(path: path, countMax: 10, boot: "one")
            #expect(again.remembered() == chunks(0..<max(0, (count - 52) / 16)))
        }
        try folder.write("chunks", String(repeating: "x", count: 200))
        let foreign = ChunkLog(path: path, countMax: 10, boot: "one")
        #expect(foreign.remembered() == [])
    }

    @Test func aFolderThatIsNotThereIsToldOnceAndCounted() throws {
        let folder = try SecretFolder()
        let metrics = MetricsRegistry()
        let lines = ForwardServerTests.LogLines()
        let keeper = ChunkKeeper(
            settings: ForwardSettings { $0.chunkLogPath = folder.path("absent/chunks") },
            metrics: metrics,
            log: Log(component: "forward") { lines.add($0) }
        )
        for chunk in chunks(0..<3) {
            #expect(keeper.begin(chunk) == .fresh)
            keeper.finish([chunk])
            #expect(keeper.begin(chunk) == .taken)
        }
        #expect(metrics.counter("tocsin_forward_chunk_log_failures", help: "").value == 3)
        #expect(lines.all.count == 1)
        #expect(lines.all.first?.contains("absent/chunks") == true)
    }

    @Test func aFailureIsMadeGoodByTheNextWrite() throws {
        let folder = try SecretFolder()
        let path = folder.path("later/chunks")
        let keeper = ChunkKeeper(
            settings: ForwardSettings { $0.chunkLogPath = path },
            metrics: MetricsRegistry(),
            log: .silent
        )
        keeper.finish(chunks(0..<2))
        try FileManager.default.createDirectory(
            atPath: folder.path("later"),
            withIntermediateDirectories: true
        )
        keeper.finish(chunks(2..<3))
        let again = ChunkKeeper(
            settings: ForwardSettings { $0.chunkLogPath = path },
            metrics: MetricsRegistry(),
            log: .silent
        )
        for chunk in chunks(0..<3) { #expect(again.begin(chunk) == .taken) }
        #expect(again.begin(chunks(3..<4)[0]) == .fresh)
    }
}
