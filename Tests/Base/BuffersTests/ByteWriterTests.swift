import Buffers
import TestSupport
import Testing

@Suite("Byte writer")
struct ByteWriterTests {
    @Test("equals an array", arguments: 1...4 as ClosedRange<UInt64>)
    func equalsArray(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var writer = ByteWriter(capacity: 1)
        var model: [UInt8] = []
        for _ in 0..<500 {
            switch Int.random(in: 0..<6, using: &random) {
            case 0:
                let byte = UInt8.random(in: .min ... .max, using: &random)
                writer.append(byte)
                model.append(byte)
            case 1:
                let word = random.next()
                writer.append(word)
                model += (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
            case 2:
                let value = random.next() >> UInt64.random(in: 0..<64, using: &random)
                writer.appendVarint(value)
                var rest = value
                while rest >= 0x80 {
                    model.append(UInt8(rest & 0x7f) | 0x80)
                    rest >>= 7
                }
                model.append(UInt8(rest))
            case 3:
                let text = String(
                    repeating: "né\u{1F514}",
                    count: Int.random(in: 0..<20, using: &random)
                )
                writer.append(text)
                model += Array(text.utf8)
            case 4 where model.count >= 4:
                let offset = Int.random(in: 0...(model.count - 4), using: &random)
                writer.overwrite(0x0403_0201, at: offset)
                model.replaceSubrange(offset..<(offset + 4), with: [1, 2, 3, 4])
            case 5 where Int.random(in: 0..<50, using: &random) == 0:
                writer.removeAll()
                model = []
            default: break
            }
            let count = writer.count
            #expect(count == model.count)
        }
        var copy: [UInt8] = [9]
        copy.append(copying: writer.bytes)
        #expect(copy == [9] + model)
    }

    @Test func varintsOfAllLengths() {
        var writer = ByteWriter()
        writer.appendVarint(0)
        writer.appendVarint(127)
        writer.appendVarint(128)
        writer.appendVarint(.max)
        var copy: [UInt8] = []
        copy.append(copying: writer.bytes)
        #expect(copy == [0, 127, 128, 1] + [UInt8](repeating: 255, count: 9) + [1])
    }
}
