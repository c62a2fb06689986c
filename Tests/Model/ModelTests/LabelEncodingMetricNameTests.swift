import Model
import TestSupport
import Testing
import Timekeeping

@Suite struct LabelEncodingMetricNameTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var bytes: [UInt8]
        var expected: String?
    }

    private static func encoded(_ labels: LabelSet) -> [UInt8] {
        var bytes: [UInt8] = []
        LabelEncoding.append(labels, to: &bytes)
        return bytes
    }

    /// `Label` messages in the order given.
    private static func messages(_ labels: [(String, String)]) -> [UInt8] {
        labels.flatMap { name, value -> [UInt8] in
            let body =
                [0x0a, UInt8(name.utf8.count)] + Array(name.utf8) + [0x12, UInt8(value.utf8.count)]
                + Array(value.utf8)
            return [0x0a, UInt8(body.count)] + body
        }
    }

    static let cases: [Case] = [
        Case(
            testDescription: "the name first",
            bytes: encoded(["__name__": "up", "job": "a"]),
            expected: "up"
        ),
        Case(
            testDescription: "the name after other labels",
            bytes: messages([("Job", "a"), ("__name__", "up"), ("z", "b")]),
            expected: "up"
        ),
        Case(
            testDescription: "lengths of two bytes",
            bytes: encoded(["__name__": Name.long, "job": Name.long]),
            expected: Name.long
        ),
        Case(
            testDescription: "a name that is not ASCII",
            bytes: encoded(["__name__": "größe"]),
            expected: "größe"
        ),
        Case(testDescription: "no name", bytes: encoded(["job": "a"]), expected: nil),
        Case(
            testDescription: "a label of a like name",
            bytes: messages([("__nome__", "up")]),
            expected: nil
        ),
        Case(testDescription: "nothing", bytes: [], expected: nil),
        Case(testDescription: "another field first", bytes: [0x12, 0x00], expected: nil),
        Case(testDescription: "a length over the end", bytes: [0x0a, 0x7f, 0x0a], expected: nil),
        Case(
            testDescription: "a length that never ends",
            bytes: [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff],
            expected: nil
        ),
        Case(
            testDescription: "a name whose value is missing",
            bytes: [0x0a, 0x0a, 0x0a, 0x08] + Array("__name__".utf8),
            expected: nil
        ),
    ]

    enum Name { static let long = String(repeating: "x", count: 300) }

    @Test(arguments: cases) func findsTheName(_ one: Case) {
        let range = LabelEncoding.metricName(in: one.bytes.span, range: 0..<one.bytes.count)
        #expect(range.map { String(decoding: one.bytes[$0], as: UTF8.self) } == one.expected)
    }

    @Test(arguments: cases) func survivesEveryCut(_ one: Case) {
        for end in 0...one.bytes.count {
            let range = LabelEncoding.metricName(in: one.bytes.span, range: 0..<end)
            if let range { #expect(range.upperBound <= end) }
        }
    }

    @Test func survivesNoise() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<2000 {
            var bytes = Self.encoded(["__name__": "http_requests_total", "job": "api"])
            for _ in 0..<3 {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
                    in: 0...255,
                    using: &random
                )
            }
            let range = LabelEncoding.metricName(in: bytes.span, range: 0..<bytes.count)
            if let range { #expect(range.lowerBound >= 0 && range.upperBound <= bytes.count) }
        }
    }

    @Test func gathersTheNamesOfABatch() {
        var batch = SampleBatch()
        let sample = [Sample(Timestamp(milliseconds: 1), 1)]
        for (name, job) in [("up", "a"), ("up", "b"), ("errors", "a"), ("up", "c")] {
            batch.append(["__name__": name, "job": job], samples: sample)
        }
        batch.append(["job": "nameless"], samples: sample)
        batch.entries.append(SampleBatch.Entry(labels: 0..<10_000, samples: 0..<0))
        #expect(batch.metricNames == ["up", "errors"])
        #expect(SampleBatch().metricNames == [])
    }
}
