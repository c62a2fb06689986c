import Testing
import TestSupport

@testable import Compression

@Suite struct ZstdTests {
    /// What `printf 'hello\n' | zstd -c` prints (version 1.5.4; a checksum at the end).
    static let hello: [UInt8] = [
        0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0x31, 0x00, 0x00, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x0a,
        0x53, 0x88, 0xbd, 0x91,
    ]

    @Test(arguments: [0, 1, 100, 70_000, 1_000_000])
    func compressedThenDecompressedIsTheSame(count: Int) throws {
        var random = SeededGenerator(seed: 7)
        let plain = (0..<count).map { _ in UInt8.random(in: 97...110, using: &random) }
        let packed = try Zstd.compress(plain.span)
        #expect(packed.count < max(64, count))
        #expect(try Zstd.decompress(packed.span, limit: count) == plain)
    }

    @Test func readsWhatZstdWrote() throws {
        #expect(try Zstd.decompress(Self.hello.span, limit: 6) == Array("hello\n".utf8))
    }

    @Test func readsSeveralFramesAndPassesSkippableOnes() throws {
        let frame = try Zstd.compress(Array("hello\n".utf8).span)
        let skippable: [UInt8] = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]
        let all = frame + skippable + (try Zstd.compress([UInt8]().span)) + frame
        #expect(try Zstd.decompress(all.span, limit: 100) == Array("hello\nhello\n".utf8))
    }

    @Test func stopsAtTheLimit() throws {
        let bomb = try Zstd.compress([UInt8](repeating: 0, count: 1_000_000).span)
        #expect(bomb.count < 1000)
        for limit in [0, 1000, 999_999] {
            #expect(throws: CompressionError.tooLarge(format: "zstd", limit: limit)) {
                try Zstd.decompress(bomb.span, limit: limit)
            }
        }
        #expect(try Zstd.decompress(bomb.span, limit: 1_000_000).count == 1_000_000)
    }

    @Test func grantsNoWindowBeyondTheLimit() {
        // A frame header that asks for a window of 2 GiB: descriptor 0, window exponent 21.
        let greedy: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x01, 0x00, 0x00]
        #expect(throws: CompressionError.tooLarge(format: "zstd", limit: 1 << 20)) {
            try Zstd.decompress(greedy.span, limit: 1 << 20)
        }
    }

    @Test func refusesEveryTruncation() throws {
        let frame = try Zstd.compress(Array("hello hello hello hello".utf8).span)
        for count in 0..<frame.count {
            #expect(throws: CompressionError.self) {
                try Zstd.decompress(Array(frame.prefix(count)).span, limit: 100)
            }
        }
    }

    @Test func refusesWhatIsNoFrame() throws {
        let frame = try Zstd.compress(Array("hello".utf8).span)
        for bad in [frame + [0], Array("hello there".utf8), Array(frame.dropFirst())] {
            #expect(throws: CompressionError.self) { try Zstd.decompress(bad.span, limit: 100) }
        }
    }
}
