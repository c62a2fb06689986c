import Ingest
import Model
import RemoteWriteIngest
import TestSupport
import Testing
import WireFormats

@Suite struct WriteRequestDecoderTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var what: String
        var bytes: [UInt8]
        var series: [String]
        var testDescription: String { what }

        init(_ what: String, _ series: [String], _ write: (inout ProtobufWriter) -> Void) {
            self.what = what
            self.series = series
            var writer = ProtobufWriter()
            write(&writer)
            bytes = writer.bytes
        }
    }

    static let one = "3ff0000000000000"

    static let cases: [Case] = [
        Case("nothing", []) { _ in },
        Case("one series", ["{__name__=up,job=a} 1000:\(one)"]) {
            $0.series([("__name__", "up"), ("job", "a")], [(1000, 1)])
        },
        Case("several samples", ["{a=b} 1:\(one) 2:0 3:7ff0000000000002"]) {
            $0.series([("a", "b")], [(1, 1), (2, 0), (3, Staleness.marker)])
        },
        Case("negative time and zero time", ["{a=b} -5:\(one) 0:\(one)"]) {
            $0.series([("a", "b")], [(-5, 1), (0, 1)])
        },
        Case("a sample of nothing but defaults", ["{a=b} 0:0"]) {
            $0.series([("a", "b")], [(0, 0)])
        },
        Case("the bits of a NaN stay", ["{a=b} 1:7ff8000000000001 2:fff8000000000abc"]) {
            $0.series(
                [("a", "b")],
                [
                    (1, Double(bitPattern: 0x7ff8_0000_0000_0001)),
                    (2, Double(bitPattern: 0xfff8_0000_0000_0abc)),
                ]
            )
        },
        Case(
            "long labels",
            [
                "{\(String(repeating: "n", count: 200))=\(String(repeating: "v", count: 20000))} 1:\(one)"
            ]
        ) {
            $0.series(
                [(String(repeating: "n", count: 200), String(repeating: "v", count: 20000))],
                [(1, 1)]
            )
        },
        Case("a series without samples is left out", ["{c=d} 1:\(one)"]) {
            $0.series([("a", "b")], [])
            $0.series([("c", "d")], [(1, 1)])
        },
        Case("no labels at all", ["{} 1:\(one)"]) { $0.series([], [(1, 1)]) },
        Case("samples before labels", ["{a=b,c=d} 1:\(one)"]) {
            $0.field(1) { series in
                series.sample(1, 1)
                series.label("a", "b")
                series.label("c", "d")
            }
        },
        Case("labels around samples", ["{a=b,c=d} 1:\(one) 2:\(one)"]) {
            $0.field(1) { series in
                series.label("a", "b")
                series.sample(1, 1)
                series.label("c", "d")
                series.sample(2, 1)
            }
        },
        Case("value before name", ["{a=b} 1:\(one)"]) {
            $0.field(1) { series in
                series.field(1) { label in
                    label.field(2, text: "b")
                    label.field(1, text: "a")
                }
                series.sample(1, 1)
            }
        },
        Case("a label's missing parts are empty", ["{a=,=b,=} 1:\(one)"]) {
            $0.field(1) { series in
                series.field(1) { $0.field(1, text: "a") }
                series.field(1) { $0.field(2, text: "b") }
                series.field(1) { _ in }
                series.sample(1, 1)
            }
        },
        Case("a repeated field: the last one counts", ["{a=c} 1:\(one)"]) {
            $0.field(1) { series in
                series.field(1) { label in
                    label.field(1, text: "a")
                    label.field(2, text: "b")
                    label.field(2, text: "c")
                }
                series.field(2) { sample in
                    sample.field(2, varint: 9)
                    sample.field(2, varint: 1)
                    sample.field(1, fixed64: 0x3ff0_0000_0000_0000)
                }
            }
        },
        Case("time before value, unknown fields everywhere", ["{a=b} 7:\(one)"]) {
            $0.field(9, varint: 1)
            $0.field(1) { series in
                series.field(15, text: "future")
                series.field(1) { label in
                    label.field(1, text: "a")
                    label.field(2, text: "b")
                    label.field(3, varint: 300)
                }
                series.field(2) { sample in
                    sample.field(2, varint: 7)
                    sample.field(1, fixed64: 0x3ff0_0000_0000_0000)
                    sample.field(4, fixed64: 0)
                }
            }
            $0.field(2, text: "reserved")
        },
        Case("a usual series behind an unusual one", ["{a=b} 1:\(one)", "{c=d} 2:\(one)"]) {
            $0.field(1) { series in
                series.sample(1, 1)
                series.label("a", "b")
            }
            $0.series([("c", "d")], [(2, 1)])
        },
        Case("names that are not UTF-8 are the store's to refuse", ["{a=\u{fffd}} 1:\(one)"]) {
            $0.field(1) { series in
                series.field(1) { label in
                    label.field(1, text: "a")
                    label.field(2, bytes: [0xff])
                }
                series.sample(1, 1)
            }
        },
    ]

    @Test(arguments: cases)
    func decodes(_ test: Case) throws {
        let request = try WriteRequestDecoder.decode(test.bytes)
        #expect(try request.batch.described() == test.series)
    }

    @Test func countsWhatItDoesNotKeep() throws {
        var writer = ProtobufWriter()
        writer.field(1) { series in
            series.label("a", "b")
            series.sample(1, 1)
            series.field(3) { $0.field(2, fixed64: 0) }
            series.field(3) { _ in }
        }
        writer.field(1) { series in
            series.label("h", "i")
            series.field(4) { $0.field(1, varint: 4) }
        }
        let request = try WriteRequestDecoder.decode(writer.bytes)
        #expect([request.exemplars, request.histograms] == [2, 1])
        #expect(request.batch.entries.count == 1)
    }

    @Test func readsWhatMetricsAre() throws {
        var writer = ProtobufWriter()
        writer.field(3) { metadata in
            metadata.field(1, varint: 1)
            metadata.field(2, text: "http_requests")
            metadata.field(4, text: "How many.")
            metadata.field(5, text: "requests")
        }
        writer.field(3) { $0.field(1, varint: 2) }
        writer.field(3) { metadata in
            metadata.field(2, text: "up")
            metadata.field(1, varint: 99)
        }
        let request = try WriteRequestDecoder.decode(writer.bytes)
        #expect(
            request.descriptions == [
                .init(
                    metric: "http_requests",
                    metadata: MetricMetadata(kind: .counter, help: "How many.", unit: "requests")
                ),
                .init(metric: "up", metadata: MetricMetadata(kind: .unknown, help: "", unit: "")),
            ]
        )
    }

    struct Bad: Sendable, CustomTestStringConvertible {
        var what: String
        var bytes: [UInt8]
        var error: WireFormatError
        var testDescription: String { what }
    }

    @Test(arguments: [
        Bad(
            what: "series as varint",
            bytes: [0x08, 1],
            error: WireFormatError(.unexpectedWireType(field: 1), at: 1)
        ),
        Bad(
            what: "label as fixed64",
            bytes: [0x0a, 1, 0x09],
            error: WireFormatError(.unexpectedWireType(field: 1), at: 3)
        ),
        Bad(
            what: "sample as varint",
            bytes: [0x0a, 2, 0x10, 0],
            error: WireFormatError(.unexpectedWireType(field: 2), at: 3)
        ),
        Bad(
            what: "value as varint",
            bytes: [0x0a, 4, 0x12, 2, 0x08, 0],
            error: WireFormatError(.unexpectedWireType(field: 1), at: 5)
        ),
        Bad(
            what: "name as varint",
            bytes: [0x0a, 4, 0x0a, 2, 0x08, 0],
            error: WireFormatError(.unexpectedWireType(field: 1), at: 5)
        ),
        Bad(
            what: "series longer than the message",
            bytes: [0x0a, 5, 0x0a, 0],
            error: WireFormatError(.truncated, at: 1)
        ),
        Bad(
            what: "label longer than its series",
            bytes: [0x0a, 2, 0x0a, 9, 0, 0],
            error: WireFormatError(.truncated, at: 3)
        ),
        Bad(
            what: "name longer than its label",
            bytes: [0x0a, 6, 0x0a, 4, 0x0a, 9, 0x61, 0x12, 0, 0],
            error: WireFormatError(.truncated, at: 5)
        ),
        Bad(
            what: "not protobuf",
            bytes: Array("hello".utf8),
            error: WireFormatError(.invalidWireType(4), at: 3)
        ),
    ])
    func refuses(_ test: Bad) {
        let error = #expect(throws: WireFormatError.self) {
            try WriteRequestDecoder.decode(test.bytes)
        }
        #expect(error == test.error)
    }

    @Test(arguments: cases.filter { $0.bytes.count < 500 })
    func everyTruncationIsAnErrorOrAWholeMessage(_ test: Case) throws {
        for count in 0..<test.bytes.count {
            guard let request = try? WriteRequestDecoder.decode(Array(test.bytes.prefix(count)))
            else {
                continue
            }
            // A cut between top-level fields leaves a whole, shorter message.
            #expect(try test.series.starts(with: request.batch.described()))
        }
    }

    @Test func damageNeverTraps() throws {
        var random = SeededGenerator(seed: 17)
        for _ in 0..<20000 {
            var bytes = Self.cases[Int.random(in: 0..<Self.cases.count, using: &random)].bytes
            guard !bytes.isEmpty, bytes.count < 500 else { continue }
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
                    in: 0...255,
                    using: &random
                )
            }
            guard let request = try? WriteRequestDecoder.decode(bytes) else { continue }
            // Whatever came through can be read.
            _ = try request.batch.described()
        }
    }
}
