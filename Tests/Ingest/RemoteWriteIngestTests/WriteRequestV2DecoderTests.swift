import Ingest
import Model
import RemoteWriteIngest
import TestSupport
import Testing
import WireFormats

@Suite struct WriteRequestV2DecoderTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var what: String
        var message: [UInt8]
        var series: [String]
        var starts: [Int64]
        /// Faults as `series/samples first`.
        var fault: String?
        var testDescription: String { what }

        init(
            _ what: String,
            _ series: [String],
            starts: [Int64] = [],
            fault: String? = nil,
            symbolsLast: Bool = false,
            _ write: (inout RequestV2Writer) -> Void
        ) {
            self.what = what
            self.series = series
            self.starts = starts
            self.fault = fault
            var writer = RequestV2Writer()
            write(&writer)
            message = writer.message(symbolsLast: symbolsLast)
        }
    }

    static let one = "3ff0000000000000"
    static let up = [("__name__", "up"), ("job", "a")]

    static let cases: [Case] = [
        Case("nothing", []) { _ in },
        Case("one series", ["{__name__=up,job=a} 1000:\(one)"]) {
            $0.series(up, [.init(timestamp: 1000, value: 1)])
        },
        Case("strings behind the series", ["{__name__=up,job=a} 1:\(one)"], symbolsLast: true) {
            $0.series(up, [.init(timestamp: 1, value: 1)])
        },
        Case(
            "strings shared by series",
            ["{__name__=up,job=a} 1:\(one)", "{__name__=up,job=up} 1:\(one)"]
        ) {
            $0.series(up, [.init(timestamp: 1, value: 1)])
            $0.series([("__name__", "up"), ("job", "up")], [.init(timestamp: 1, value: 1)])
        },
        Case("defaults and bits", ["{a=b} 0:0 -5:7ff0000000000002"]) {
            $0.series(
                [("a", "b")],
                [.init(timestamp: 0, value: 0), .init(timestamp: -5, value: Staleness.marker)]
            )
        },
        Case("references one by one", ["{a=b,c=d} 1:\(one)"]) { writer in
            let references = writer.references([("a", "b"), ("c", "d")])
            writer.series { series in
                series.field(1, varint: references[0])
                series.packed(1, [references[1], references[2]])
                series.sampleV2(.init(timestamp: 1, value: 1))
                series.field(1, varint: references[3])
            }
        },
        Case("unknown fields", ["{a=b} 1:\(one)"]) { writer in
            let references = writer.references([("a", "b")])
            writer.series { series in
                series.field(9, text: "later")
                series.packed(1, references)
                series.field(2) { sample in
                    sample.field(7, varint: 7)
                    sample.field(2, varint: 1)
                    sample.field(1, fixed64: 1.0.bitPattern)
                }
            }
        },
        Case("long strings", ["{n=\(String(repeating: "v", count: 20000))} 1:\(one)"]) {
            $0.series(
                [("n", String(repeating: "v", count: 20000))],
                [.init(timestamp: 1, value: 1)]
            )
        },
        Case("starts of samples", ["{a=b} 1:\(one) 2:\(one) 3:\(one)"], starts: [0, -7, 2]) {
            $0.series(
                [("a", "b")],
                [
                    .init(timestamp: 1, value: 1), .init(timestamp: 2, value: 1, start: -7),
                    .init(timestamp: 3, value: 1, start: 2),
                ]
            )
        },
        Case(
            "starts of series, and of series without",
            ["{a=b} 1:\(one)", "{a=c} 2:\(one) 3:\(one)", "{a=d} 4:\(one)"],
            starts: [0, 9, 1, 0]
        ) {
            $0.series([("a", "b")], [.init(timestamp: 1, value: 1)])
            $0.series(
                [("a", "c")],
                [.init(timestamp: 2, value: 1), .init(timestamp: 3, value: 1, start: 1)],
                created: 9
            )
            $0.series([("a", "d")], [.init(timestamp: 4, value: 1)])
        },
        Case(
            "a reference to nothing",
            ["{a=c} 3:\(one)"],
            starts: [5],
            fault: "1/2 a label refers to string 77 of 4"
        ) { writer in
            let references = writer.references([("a", "b")])
            writer.series { series in
                series.packed(1, references + [references[0], 77])
                series.sampleV2(.init(timestamp: 1, value: 1, start: 1))
                series.sampleV2(.init(timestamp: 2, value: 1))
            }
            writer.series([("a", "c")], [.init(timestamp: 3, value: 1, start: 5)])
        },
        Case("a name without a value", [], fault: "1/1 a label has a name and no value") {
            let references = $0.references([("a", "b")])
            $0.series { series in
                series.packed(1, references + [references[0]])
                series.sampleV2(.init(timestamp: 1, value: 1))
            }
        },
        Case("neither samples nor histograms", [], fault: "1/0 a series has neither") {
            $0.series(up, [])
        },
        Case("no strings at all", [], fault: "1/1 a label refers to string 3 of 1") {
            $0.series { series in
                series.packed(1, [3, 4])
                series.sampleV2(.init(timestamp: 1, value: 1))
            }
        },
        Case("histograms alone", []) { $0.series(up, [], histograms: 2) },
    ]

    @Test(arguments: cases) func decodes(_ test: Case) throws {
        let request = try WriteRequestV2Decoder.decode(test.message, labelBytesMax: 1 << 20)
        #expect(try request.batch.described() == test.series)
        #expect(request.batch.starts == test.starts)
        let faults = request.faults
        if let fault = test.fault {
            let text = "\(faults.series)/\(faults.samples) \(faults.first ?? "")"
            #expect(text.hasPrefix(fault), "\(text)")
        } else {
            #expect(faults.first == nil && faults.series == 0)
        }
    }

    /// The same series in both versions are the same batch, byte for byte of its labels.
    @Test(arguments: 1...5 as ClosedRange<UInt64>) func equalsVersion1(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var old = ProtobufWriter()
        var new = RequestV2Writer()
        for _ in 0..<200 {
            let labels = (0..<Int.random(in: 1..<9, using: &random)).map { number in
                let length = Int.random(in: 0..<4, using: &random) == 0 ? 300 : 7
                return (
                    "name\(number)",
                    String(repeating: "v", count: Int.random(in: 0..<length, using: &random))
                )
            }
            let samples = (0..<Int.random(in: 1..<4, using: &random)).map { number in
                (Int64(number) * 1000, Double(Int.random(in: 0..<9, using: &random)))
            }
            old.series(labels, samples)
            new.series(labels, samples.map { .init(timestamp: $0.0, value: $0.1) })
        }
        let first = try WriteRequestDecoder.decode(old.bytes).batch
        let second = try WriteRequestV2Decoder.decode(new.message(), labelBytesMax: 1 << 24).batch
        #expect(try first.described() == second.described())
        for (a, b) in zip(first.entries, second.entries) {
            #expect(first.labelBytes[a.labels] == second.labelBytes[b.labels])
        }
        #expect(second.starts.isEmpty)
    }

    @Test func countsWhatIsNotKept() throws {
        var writer = RequestV2Writer()
        writer.series(Self.up, [.init(timestamp: 1, value: 1)], exemplars: 2)
        writer.series(Self.up, [], histograms: 3, exemplars: 1)
        let request = try WriteRequestV2Decoder.decode(writer.message(), labelBytesMax: 1 << 20)
        #expect(request.exemplars == 3)
        #expect(request.histograms == 3)
        #expect(request.batch.sampleCount == 1)
    }

    @Test func metadataOfSeriesIsOfTheirMetrics() throws {
        var writer = RequestV2Writer()
        let sample = RequestV2Writer.Sample(timestamp: 1, value: 1)
        func add(_ name: String, _ type: UInt64, _ help: String = "", _ unit: String = "") {
            writer.series(
                [("__name__", name)],
                [sample],
                metadata: .init(type: type, help: help, unit: unit)
            )
        }
        add("orders_total", 1, "Orders.")
        add("orders_total", 1, "Orders.")
        add("load", 2, "Load.", "ratio")
        for ending in ["bucket", "count", "sum"] {
            add("latency_seconds_\(ending)", 3, "", "seconds")
        }
        add("size_sum", 5)
        add("size_sum", 2)
        add("unknown", 0)
        add("strange", 99, "Later.")
        let request = try WriteRequestV2Decoder.decode(writer.message(), labelBytesMax: 1 << 20)
        let found = request.descriptions.map {
            "\($0.metric) \($0.metadata.kind) \($0.metadata.help) \($0.metadata.unit)"
        }
        #expect(
            found == [
                "orders_total counter Orders. ", "load gauge Load. ratio",
                "latency_seconds histogram  seconds", "latency_seconds histogram  seconds",
                "latency_seconds histogram  seconds", "size summary  ", "size_sum gauge  ",
                "strange unknown Later. ",
            ]
        )
    }

    /// Two bytes of reference stand for a long string: what they spell out has a limit.
    @Test func labelsWrittenOutHaveALimit() throws {
        var writer = RequestV2Writer()
        let labels = [("a", String(repeating: "v", count: 10_000))]
        for time in 0..<100 as Range<Int64> {
            writer.series(labels, [.init(timestamp: time, value: 1)])
        }
        let message = writer.message()
        #expect(message.count < 20_000)
        let all = try WriteRequestV2Decoder.decode(message, labelBytesMax: 1_100_000)
        #expect(all.batch.sampleCount == 100)
        #expect(throws: WriteRequestV2Error.labelsTooLarge(limit: 900_000)) {
            try WriteRequestV2Decoder.decode(message, labelBytesMax: 900_000)
        }
    }

    /// Wherever a message is cut, it is read without a fault of the reader's.
    @Test func truncationAnywhereIsAnError() throws {
        var writer = RequestV2Writer()
        for number in 0..<5 {
            writer.series(
                [("__name__", "m"), ("n", "\(number)")],
                [.init(timestamp: 1000, value: 1, start: 1)],
                histograms: 1,
                exemplars: 1,
                metadata: .init(type: 1, help: "Help."),
                created: 7
            )
        }
        let message = writer.message()
        var errors = 0
        for count in 0..<message.count {
            do {
                let request = try WriteRequestV2Decoder.decode(
                    Array(message.prefix(count)),
                    labelBytesMax: 1 << 20
                )
                #expect(request.batch.sampleCount < 5)
                let batch = request.batch
                #expect(batch.starts.isEmpty || batch.starts.count == batch.sampleCount)
            } catch { errors += 1 }
        }
        #expect(errors > message.count / 2)
    }

    struct Broken: Sendable, CustomTestStringConvertible {
        var what: String
        var message: [UInt8]
        var testDescription: String { what }
    }

    private static func message(_ write: (inout ProtobufWriter) -> Void) -> [UInt8] {
        var writer = ProtobufWriter()
        write(&writer)
        return writer.bytes
    }

    static let broken: [Broken] = [
        Broken(what: "strings that are numbers", message: message { $0.field(4, varint: 1) }),
        Broken(what: "series that are numbers", message: message { $0.field(5, varint: 1) }),
        Broken(
            what: "references of eight bytes",
            message: message { $0.field(5) { $0.field(1, fixed64: 1) } }
        ),
        Broken(
            what: "samples that are numbers",
            message: message { $0.field(5) { $0.field(2, varint: 1) } }
        ),
        Broken(
            what: "a value that is a number",
            message: message { $0.field(5) { $0.field(2) { $0.field(1, varint: 1) } } }
        ),
        Broken(
            what: "a start of eight bytes",
            message: message { $0.field(5) { $0.field(2) { $0.field(3, fixed64: 1) } } }
        ),
        Broken(
            what: "a created timestamp that is text",
            message: message { $0.field(5) { $0.field(6, text: "1") } }
        ),
    ]

    @Test(arguments: broken) func refuses(_ test: Broken) {
        #expect(throws: WriteRequestV2Error.self) {
            try WriteRequestV2Decoder.decode(test.message, labelBytesMax: 1 << 20)
        }
    }
}
