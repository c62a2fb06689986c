import Testing
import TestSupport

@testable import Compression

@Suite struct GzipTests {
    /// What `printf 'hello\n' | gzip -n` prints.
    static let hello: [UInt8] = [
        0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xe7, 0x02, 0x00,
        0x20, 0x30, 0x3a, 0x36, 0x06, 0, 0, 0,
    ]

    @Test(arguments: [0, 1, 100, 70_000, 1_000_000])
    func compressedThenDecompressedIsTheSame(count: Int) throws {
        var random = SeededGenerator(seed: 7)
        let plain = (0..<count).map { _ in UInt8.random(in: 97...110, using: &random) }
        let packed = try Gzip.compress(plain.span)
        #expect(packed.count < max(64, count))
        #expect(try Gzip.decompress(packed.span, limit: count) == plain)
    }

    @Test func readsWhatGzipWrote() throws {
        #expect(try Gzip.decompress(Self.hello.span, limit: 6) == Array("hello\n".utf8))
    }

    @Test func readsSeveralMembers() throws {
        let three = Self.hello + (try Gzip.compress([UInt8]().span)) + Self.hello
        #expect(try Gzip.decompress(three.span, limit: 100) == Array("hello\nhello\n".utf8))
    }

    @Test func stopsAtTheLimit() throws {
        let packed = try Gzip.compress([UInt8](repeating: 0, count: 50_000_000).span, level: 1)
        #expect(throws: CompressionError.tooLarge(format: "gzip", limit: 1000)) {
            try Gzip.decompress(packed.span, limit: 1000)
        }
        #expect(throws: CompressionError.tooLarge(format: "gzip", limit: 11)) {
            try Gzip.decompress((Self.hello + Self.hello).span, limit: 11)
        }
        #expect(throws: CompressionError.tooLarge(format: "gzip", limit: 0)) {
            try Gzip.decompress(Self.hello.span, limit: 0)
        }
    }

    @Test func refusesEveryTruncation() {
        for count in 0..<Self.hello.count {
            #expect(throws: CompressionError.self) {
                try Gzip.decompress(Array(Self.hello.prefix(count)).span, limit: 100)
            }
        }
    }

    @Test func refusesDamage() {
        var wrongSum = Self.hello
        wrongSum[18] ^= 1
        for bad in [wrongSum, Self.hello + [0], Self.hello + [0x1f, 0x8b], Array("hello".utf8)] {
            #expect(throws: CompressionError.self) { try Gzip.decompress(bad.span, limit: 100) }
        }
    }
}
