import Model
import TestSupport
import Testing

@testable import MetricStore

@Suite("Label decoder")
struct LabelDecoderTests {
    @Test func canonicalEncodingsAreKnownFromOthers() throws {
        var random = SeededGenerator(seed: 2)
        var decoder = LabelDecoder(settings: .standard)
        var canonical = 0
        for round in 0..<400 {
            let labels = LabelSet(
                (0..<Int.random(in: 0..<6, using: &random)).map {
                    Label("l\($0)", String(repeating: "v", count: $0 * 40 + round % 3 + 1))
                } + [Label("__name__", "m")]
            )
            var bytes: [UInt8] = []
            if Bool.random(using: &random) {
                LabelEncoding.append(labels, to: &bytes)
            } else {
                bytes = ModelEqualityTests.scrambled(labels, &random)
            }
            if Int.random(in: 0..<4, using: &random) == 0 {
                // One byte less or more, or two labels in another order, may still be valid.
                bytes.append(contentsOf: [0x0a, 2, 0x0a, 0])
            }
            do throws(LabelRefusal) {
                try decoder.decode(bytes.span, in: 0..<bytes.count)
            } catch {
                continue
            }
            #expect(decoder.labelSet(bytes.span) == labels)
            var encoded: [UInt8] = []
            decoder.encode(bytes.span, into: &encoded)
            var expected: [UInt8] = []
            LabelEncoding.append(labels, to: &expected)
            #expect(encoded == expected)
            #expect(decoder.isCanonical == (encoded == bytes), "round \(round)")
            if decoder.isCanonical { canonical += 1 }
        }
        #expect(canonical > 100)
    }

    @Test func swappedFieldsAndLabelsAreNotCanonical() throws {
        let a = LimitTests.label("__name__", "m")
        let b = LimitTests.label("b", "1")
        // Value before name, in as many bytes.
        let swapped: [UInt8] = [0x0a, 6, 0x12, 1, UInt8(ascii: "1"), 0x0a, 1, UInt8(ascii: "b")]
        for (bytes, isCanonical) in [(a + b, true), (b + a, false), (a + swapped, false)] {
            var decoder = LabelDecoder(settings: .standard)
            try decoder.decode(bytes.span, in: 0..<bytes.count)
            #expect(decoder.isCanonical == isCanonical)
            #expect(decoder.labelSet(bytes.span).description == "m{b=\"1\"}")
        }
    }
}
