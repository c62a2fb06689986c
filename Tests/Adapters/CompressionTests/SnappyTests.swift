import Testing
import TestSupport

@testable import Compression

@Suite struct SnappyTests {
    @Test(arguments: [0, 1, 60, 70_000, 1_000_000])
    func compressedThenDecompressedIsTheSame(count: Int) throws {
        var random = SeededGenerator(seed: 9)
        let plain = (0..<count).map { _ in UInt8.random(in: 97...100, using: &random) }
        let packed = try Snappy.compress(plain.span)
        #expect(try Snappy.decompress(packed.span, limit: count) == plain)
    }

    @Test func acceptsTheDensestBlock() throws {
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        let packed = try Snappy.compress(zeros.span)
        #expect(try Snappy.decompress(packed.span, limit: 1 << 20) == zeros)
    }

    @Test func checksTheDeclaredSizeFirst() {
        // 4 GiB - 1 declared by five bytes.
        let claim: [UInt8] = [0xff, 0xff, 0xff, 0xff, 0x0f]
        #expect(throws: CompressionError.tooLarge(format: "snappy", limit: 1 << 20)) {
            try Snappy.decompress(claim.span, limit: 1 << 20)
        }
        #expect(throws: CompressionError.self) {
            try Snappy.decompress(claim.span, limit: .max)
        }
    }

    @Test func refusesEveryTruncation() throws {
        let packed = try Snappy.compress(Array("a block of text, a block of text, text".utf8).span)
        for count in 0..<packed.count {
            #expect(throws: CompressionError.self) {
                try Snappy.decompress(Array(packed.prefix(count)).span, limit: 1000)
            }
        }
    }

    @Test func survivesRandomDamage() throws {
        var random = SeededGenerator(seed: 3)
        let plain = (0..<500).map { _ in UInt8.random(in: 97...100, using: &random) }
        let packed = try Snappy.compress(plain.span)
        for _ in 0..<2000 {
            var bad = packed
            bad[Int.random(in: 0..<bad.count, using: &random)] = UInt8.random(
                in: 0...255,
                using: &random
            )
            // Any answer but a trap will do: snappy has no checksum.
            if let out = try? Snappy.decompress(bad.span, limit: 4096) {
                #expect(out.count <= 4096)
            }
        }
    }
}
