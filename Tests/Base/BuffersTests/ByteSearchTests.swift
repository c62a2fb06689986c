import Buffers
import TestSupport
import Testing

/// Searches that look at many bytes at a time, beside their twins that look at one.
@Suite struct ByteSearchTests {
    /// Bytes that are near what is looked for, and few others.
    static func bytes(_ seed: UInt64) -> [UInt8] {
        var random = SeededGenerator(seed: seed)
        let alphabet: [UInt8] = [
            0x00, 0x01, 0x0a, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x5b, 0x5c, 0x5d, 0x61, 0x7f, 0x80,
            0xa2,
            0xdc, 0xff,
        ]
        let rare = seed % 3 == 0
        return (0..<Int.random(in: 0..<70, using: &random)).map { _ in
            let one = alphabet.randomElement(using: &random) ?? 0
            return rare && Int.random(in: 0..<20, using: &random) > 0 ? 0x61 : one
        }
    }

    @Test(arguments: 0..<300 as Range<UInt64>)
    func findsWhatEndsOrBendsAStringOfJSON(_ seed: UInt64) {
        let bytes = Self.bytes(seed)
        for start in 0...bytes.count {
            for end in [start, min(start + 9, bytes.count), bytes.count] {
                let twin = (start..<end).first {
                    bytes[$0] == 0x22 || bytes[$0] == 0x5c || bytes[$0] < 0x20
                }
                let found = bytes.span.firstOfJSONString(in: start..<end)
                #expect(found == twin ?? end)
            }
        }
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func findsAByte(_ seed: UInt64) {
        let bytes = Self.bytes(seed)
        for start in 0...bytes.count {
            let twin = (start..<bytes.count).first { bytes[$0] == 0x0a }
            let found = bytes.span.firstIndex(of: 0x0a, in: start..<bytes.count)
            #expect(found == twin)
        }
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func comparesRanges(_ seed: UInt64) {
        let bytes = Self.bytes(seed)
        var other = bytes
        if !other.isEmpty { other[other.count / 2] ^= 1 }
        for start in 0...bytes.count {
            for end in start...bytes.count {
                let part = Array(bytes[start..<end])
                let longer = part + [1]
                let changed = Array(other[start..<end])
                let isSame = bytes.span.equals(start..<end, part.span)
                let isLonger = bytes.span.equals(start..<end, longer.span)
                let isChanged = bytes.span.equals(start..<end, changed.span)
                #expect(isSame && !isLonger)
                #expect(isChanged == (part == changed))
            }
        }
    }

    @Test func textsAreRepaired() {
        let bytes: [UInt8] = [0x61, 0xff, 0xc3, 0xa4, 0xe2, 0x82]
        let text = String(repairing: bytes.span)
        let nothing = String(repairing: bytes.span.extracting(0..<0))
        #expect(text == "a\u{fffd}ä\u{fffd}")
        #expect(nothing.isEmpty)
    }
}
