import Compression
import Model
import TestSupport
import Testing
import Timekeeping
import WireFormats

@testable import EFKIngest

@Suite struct ForwardDecoderTests {
    static let arrival: Int64 = 1_700_000_000_000

    struct Case: Sendable, CustomTestStringConvertible {
        var what: String
        var bytes: [UInt8]
        var outcome: String
        var testDescription: String { what }

        init(_ what: String, _ outcome: String, _ bytes: [UInt8]) {
            (self.what, self.outcome, self.bytes) = (what, outcome, bytes)
        }

        /// Encodes `[tag "t", time, {"a": 1}]`.
        init(time what: String, _ outcome: String, _ write: (inout MessagePackWriter) -> Void) {
            self.what = "time: " + what
            self.outcome = outcome
            bytes = Messages.bytes {
                $0.array(3)
                $0.string("t")
                write(&$0)
                $0.map(1)
                $0.string("a")
                $0.integer(1)
            }
        }

        /// Encodes `[tag "t", 5, record]`.
        init(record what: String, _ outcome: String, _ write: (inout MessagePackWriter) -> Void) {
            self.what = "record: " + what
            self.outcome = outcome
            bytes = Messages.bytes {
                $0.array(3)
                $0.string("t")
                $0.integer(5)
                write(&$0)
            }
        }
    }

    static let two = Messages.entry(1, "a") + Messages.entry(2, "b")
    static let chunk = Messages.options([("chunk", Messages.text("id\n")), ("size", [2])])
    static let bad = Messages.bytes {
        $0.array(2)
        $0.string("yesterday")
        $0.map(0)
    }

    static let modes: [Case] = [
        Case("Message", "t 1000:{log=a}", Messages.message("t", 1, "a")),
        Case(
            "Message with a chunk",
            "t 1000:{log=a} ack=81a361636ba3782d79",
            Messages.message("t", 1, "a", chunk: "x-y")
        ),
        Case(
            "Forward",
            "t 1000:{log=a} 2000:{log=b}",
            Messages.forward("t", [Messages.entry(1, "a"), Messages.entry(2, "b")])
        ),
        Case(
            "Forward with a chunk that ends in a newline",
            "t 1000:{log=a} ack=81a361636ba369640a",
            Messages.forward("t", [Messages.entry(1, "a")], options: chunk)
        ),
        Case("Forward of nothing", "t", Messages.forward("t", [])),
        Case("PackedForward in bin", "t 1000:{log=a} 2000:{log=b}", Messages.packed("t", two)),
        Case(
            "PackedForward in str",
            "t 1000:{log=a} 2000:{log=b}",
            Messages.packed("t", two, asString: true)
        ),
        Case("PackedForward of nothing", "t", Messages.packed("t", [])),
        Case(
            "PackedForward with a chunk",
            "t 1000:{log=a} 2000:{log=b} ack=81a361636ba369640a",
            Messages.packed("t", two, options: chunk)
        ),
        Case(
            "compressed: text is plain",
            "t 1000:{log=a} 2000:{log=b}",
            Messages.packed(
                "t",
                two,
                options: Messages.options([("compressed", Messages.text("text"))])
            )
        ),
        Case(
            "CompressedPackedForward",
            "t 1000:{log=a} 2000:{log=b}",
            Messages.packed(
                "t",
                Messages.gzip(two),
                options: Messages.options([("compressed", Messages.text("gzip"))])
            )
        ),
        Case(
            "CompressedPackedForward in zstd",
            "t 1000:{log=a} 2000:{log=b}",
            Messages.packed(
                "t",
                Messages.zstd(two),
                options: Messages.options([("compressed", Messages.text("zstd"))])
            )
        ),
        Case(
            "CompressedPackedForward of several zstd frames, in a str, cut anywhere",
            "t 1000:{log=a} 2000:{log=b}",
            Messages.packed(
                "t",
                Messages.zstd(Array(two.prefix(7))) + Messages.zstd(Array(two.dropFirst(7))),
                options: Messages.options([("compressed", Messages.text("zstd"))]),
                asString: true
            )
        ),
        Case(
            "CompressedPackedForward of several members, cut anywhere",
            "t 1000:{log=a} 2000:{log=b}",
            Messages.packed(
                "t",
                Messages.gzip(Array(two.prefix(7))) + Messages.gzip(Array(two.dropFirst(7))),
                options: Messages.options([("compressed", Messages.text("gzip"))])
            )
        ),
        Case(
            "a chunk of bin and of a number are echoed as they are",
            "t 1000:{log=a} ack=81a361636bc403010203",
            Messages.forward(
                "t",
                [Messages.entry(1, "a")],
                options: Messages.options([("chunk", [0xc4, 3, 1, 2, 3])])
            )
        ),
        Case(
            "a chunk in a longer form than needed",
            "t 1000:{log=a} ack=81a361636bda000178",
            Messages.forward(
                "t",
                [Messages.entry(1, "a")],
                options: Messages.options([("chunk", [0xda, 0, 1, 0x78])])
            )
        ),
        Case(
            "a chunk of nil is none",
            "t 1000:{log=a}",
            Messages.forward(
                "t",
                [Messages.entry(1, "a")],
                options: Messages.options([("chunk", [0xc0])])
            )
        ),
        Case(
            "options of nil",
            "t 1000:{log=a}",
            Messages.forward("t", [Messages.entry(1, "a")], options: [0xc0])
        ),
        Case("nil", "ignored", [0xc0]),
        Case("a number", "invalid not_a_message", [0x05]),
        Case("a map", "invalid not_a_message", Messages.options([("a", [1])])),
        Case("an empty array", "invalid not_a_message", [0x90]),
        Case("a tag alone", "invalid not_a_message", [0x91, 0xa1, 0x74]),
        Case("no record", "invalid not_a_message", [0x92, 0xa1, 0x74, 0x05]),
        Case("a tag that is a number", "invalid malformed", [0x93, 0x01, 0x05, 0x80]),
        Case(
            "an invalid entry beside a good one is left out and acked",
            "t 1000:{log=a} invalid=2 ack=81a361636ba369640a",
            Messages.forward("t", [bad, Messages.entry(1, "a"), [0x2a]], options: chunk)
        ),
        Case(
            "an invalid entry in a packed stream",
            "t 1000:{log=a} 2000:{log=b} invalid=1",
            Messages.packed("t", bad + two)
        ),
        Case(
            "a packed stream that breaks off",
            "t 1000:{log=a} invalid=1 ack=81a361636ba369640a",
            Messages.packed("t", Array(two.dropLast()), options: chunk)
        ),
        Case(
            "a packed stream that is none",
            "t invalid=2",
            Messages.packed("t", [0x00, 0xc1])
        ),
        Case(
            "gzip that is none is acked: sending it again would not help",
            "invalid malformed acked",
            Messages.packed(
                "t",
                two,
                options: Messages.options([
                    ("chunk", Messages.text("c")), ("compressed", Messages.text("gzip")),
                ])
            )
        ),
        Case(
            "zstd that is none is acked: sending it again would not help",
            "invalid malformed acked",
            Messages.packed(
                "t",
                two,
                options: Messages.options([
                    ("chunk", Messages.text("c")), ("compressed", Messages.text("zstd")),
                ])
            )
        ),
        Case(
            "another compression is kept by the sender",
            "refused unsupported_compression",
            Messages.packed(
                "t",
                two,
                options: Messages.options([
                    ("chunk", Messages.text("c")), ("compressed", Messages.text("lz4")),
                ])
            )
        ),
        Case(
            "metrics are acked and dropped",
            "invalid unsupported_signal acked",
            Messages.packed(
                "t",
                two,
                options: Messages.options([("fluent_signal", [1]), ("chunk", Messages.text("c"))])
            )
        ),
        Case(
            "logs by signal",
            "t 1000:{log=a} 2000:{log=b}",
            Messages.packed("t", two, options: Messages.options([("fluent_signal", [0])]))
        ),
        Case(
            "Fluent Bit's time with metadata in Forward",
            "t 1700000000123:{log=a}",
            Messages.forward(
                "t",
                [
                    Messages.bytes {
                        $0.array(2)
                        $0.array(2)
                        $0.extended(type: 0, Messages.eventTime(1_700_000_000, 123_456_789))
                        $0.map(1)
                        $0.string("meta")
                        $0.map(0)
                        $0.map(1)
                        $0.string("log")
                        $0.string("a")
                    }
                ]
            )
        ),
        Case(time: "with metadata in Message", "t 7000:{a=1}") {
            $0.array(2)
            $0.integer(7)
            $0.map(0)
        },
        Case(time: "seconds", "t 5000:{a=1}") { $0.integer(5) },
        Case(time: "uint64", "t 5000:{a=1}") { $0.raw([0xcf, 0, 0, 0, 0, 0, 0, 0, 5]) },
        Case(time: "before 1970", "t -5000:{a=1}") { $0.integer(-5) },
        Case(time: "float", "t 1500:{a=1}") { $0.number(1.5) },
        Case(time: "zero", "t now:{a=1}") { $0.integer(0) },
        Case(time: "nil", "t now:{a=1}") { $0.null() },
        Case(time: "EventTime in fixext8", "t 1999:{a=1}") {
            $0.extended(type: 0, Messages.eventTime(1, 999_999_999))
        },
        Case(time: "EventTime in ext8", "t 1999:{a=1}") {
            $0.raw([0xc7, 8, 0] + Messages.eventTime(1, 999_999_999))
        },
        Case(time: "EventTime zero", "t now:{a=1}") {
            $0.extended(type: 0, Messages.eventTime(0, 5))
        },
        Case(time: "EventTime of 2106", "t 4294967295000:{a=1}") {
            $0.extended(type: 0, Messages.eventTime(.max, 0))
        },
        Case(time: "another extension", "t invalid=1") {
            $0.extended(type: 1, Messages.eventTime(1, 0))
        },
        Case(time: "EventTime of four bytes", "t invalid=1") {
            $0.extended(type: 0, [0, 0, 0, 1])
        },
        Case(time: "not finite", "t invalid=1") { $0.number(.nan) },
        Case(time: "too large", "t invalid=1") { $0.integer(.max) },
        Case(time: "larger still", "t invalid=1") { $0.unsigned(.max) },
        Case(
            record: "every kind",
            "t 5000:{n=null,b=true,i=-7,u=1.8446744073709552e+19,f=1.5,s=é,x=\u{fffd},l=[1,[]],m={k={}},e=1.5}"
        ) {
            $0.map(10)
            $0.string("n")
            $0.null()
            $0.string("b")
            $0.bool(true)
            $0.string("i")
            $0.integer(-7)
            $0.string("u")
            $0.unsigned(.max)
            $0.string("f")
            $0.number(1.5)
            $0.binary(Array("s".utf8))
            $0.string("é")
            $0.string("x")
            $0.binary([0xff])
            $0.string("l")
            $0.array(2)
            $0.integer(1)
            $0.array(0)
            $0.string("m")
            $0.map(1)
            $0.string("k")
            $0.map(0)
            $0.string("e")
            $0.extended(type: 0, Messages.eventTime(1, 500_000_000))
        },
        Case(record: "keys that are no text", "t 5000:{1=1,true=2,=3}") {
            $0.map(3)
            $0.integer(1)
            $0.integer(1)
            $0.bool(true)
            $0.integer(2)
            $0.null()
            $0.integer(3)
        },
        Case(record: "a key that is a container", "t invalid=1") {
            $0.map(1)
            $0.array(0)
            $0.integer(1)
        },
        Case(record: "nil is skipped", "t") { $0.null() },
        Case(record: "text", "t invalid=1") { $0.string("x") },
        Case(record: "empty", "t 5000:{}") { $0.map(0) },
        Case(record: "nested as deep as may be", "t 5000:{a=[[[]]]}") {
            $0.map(1)
            $0.string("a")
            $0.raw([0x91, 0x91, 0x90])
        },
        Case(record: "nested deeper", "t invalid=1") {
            $0.map(1)
            $0.string("a")
            $0.raw([0x91, 0x91, 0x91, 0x90])
        },
    ]

    static let decoder = ForwardDecoder(
        settings: ForwardSettings {
            $0.decompressedMax = 1000
            $0.decodedMax = 4000
            $0.depthMax = 4
            $0.entriesMax = 200
            $0.chunkIDMax = 20
        }
    )

    func outcomes(_ stream: [UInt8], split: Int? = nil) -> [String] {
        var framer = ForwardFramer(messageMax: 100_000, jsonMessageMax: 100_000)
        var seen: [String] = []
        let cut = split ?? stream.count
        for part in [Array(stream[..<cut]), Array(stream[cut...])] {
            framer.append(part.span)
            while let frames = framer.takeFrames(bytesMax: 50) {
                seen += Self.decoder.decode(frames, arrival: Timestamp(milliseconds: Self.arrival))
                    .map { $0.described(arrival: Self.arrival) }
            }
        }
        #expect(framer.failure == nil)
        #expect(!framer.isInsideMessage)
        return seen
    }

    @Test(arguments: modes)
    func decodes(_ test: Case) {
        #expect(outcomes(test.bytes) == [test.outcome])
    }

    @Test func theWholeStreamIsTheSameHoweverItIsSplit() {
        let good = Self.modes
        let stream = good.flatMap(\.bytes)
        let expected = good.map(\.outcome)
        for split in 0...stream.count {
            #expect(outcomes(stream, split: split) == expected)
        }
    }

    @Test func oneByteAtATimeIsTheSameToo() {
        let good = Self.modes
        var framer = ForwardFramer(messageMax: 100_000, jsonMessageMax: 100_000)
        var seen: [String] = []
        for byte in good.flatMap(\.bytes) {
            framer.append([byte].span)
            while let frames = framer.takeFrames(bytesMax: 50) {
                seen += Self.decoder.decode(frames, arrival: Timestamp(milliseconds: Self.arrival))
                    .map { $0.described(arrival: Self.arrival) }
            }
        }
        #expect(seen == good.map(\.outcome))
    }

    @Test(arguments: [
        Case("Message", "t 1000:{log=a}", Array(#"["t",1,{"log":"a"}]"#.utf8)),
        Case("fraction", "t 1500:{log=a}", Array(#"["t",1.5,{"log":"a"}]"#.utf8)),
        Case("null is now", "t now:{log=a}", Array(#"["t",null,{"log":"a"}]"#.utf8)),
        Case("zero is now", "t now:{log=a}", Array(#"["t",0,{"log":"a"}]"#.utf8)),
        Case(
            "Forward",
            "t 1000:{a=1} 2000:{b=2}",
            Array(#"["t",[[1,{"a":1}],[2,{"b":2}]]]"#.utf8)
        ),
        Case("Forward of nothing", "t", Array(#"["t",[]]"#.utf8)),
        Case(
            "chunk",
            "t 1000:{} ack=" + "{\"ack\":\"x\\n\"}".utf8.map { String($0, radix: 16) }.joined(),
            Array(#"["t",1,{},{"chunk":"x\n"}]"#.utf8)
        ),
        Case(
            "number as chunk",
            "t 1000:{} ack=" + "{\"ack\":7}".utf8.map { String($0, radix: 16) }.joined(),
            Array(#"["t",1,{},{"chunk":7}]"#.utf8)
        ),
        Case(
            "invalid entries",
            "t 1000:{} invalid=3",
            Array(#"["t",[[1,{}],["x",{}],[1,2],{}]]"#.utf8)
        ),
        Case("no message", "invalid not_a_message", Array(#"{"a":1}"#.utf8)),
        Case("no record", "invalid not_a_message", Array(#"["t",1]"#.utf8)),
        Case("broken", "invalid malformed", Array(#"["t",1,{a}]"#.utf8)),
    ])
    func decodesJSON(_ test: Case) {
        for split in 0...test.bytes.count {
            // Another value behind it, with the white space that line-based senders put between.
            let stream = test.bytes + Array("\n[\"u\",3,{}]\r\n".utf8)
            #expect(outcomes(stream, split: split) == [test.outcome, "u 3000:{}"])
        }
    }

    // MARK: Limits and hostile input

    @Test(arguments: ["gzip", "zstd"])
    func aBombStopsAtTheLimit(compression: String) {
        let zeros = [UInt8](repeating: 0xc0, count: 5_000_000)
        let bomb = Messages.packed(
            "t",
            compression == "gzip" ? Messages.gzip(zeros) : Messages.zstd(zeros),
            options: Messages.options([
                ("compressed", Messages.text(compression)), ("chunk", Messages.text("c")),
            ])
        )
        #expect(bomb.count < 100_000)
        #expect(outcomes(bomb) == ["refused decompressed_too_large"])
    }

    @Test func aChunkIDHasALimit() {
        func message(_ count: Int) -> [UInt8] {
            Messages.message("t", 1, "a", chunk: String(repeating: "c", count: count))
        }
        #expect(outcomes(message(20)).first?.hasPrefix("t 1000:{log=a} ack=") == true)
        #expect(outcomes(message(26)) == ["refused chunk_id_too_long"])
        let json = #"["t",1,{},{"chunk":"\#(String(repeating: "c", count: 26))"}]"#
        #expect(outcomes(Array(json.utf8)) == ["refused chunk_id_too_long"])
    }

    @Test func aMessageHasALimitOfEntries() {
        let small = ForwardDecoder(settings: ForwardSettings { $0.entriesMax = 3 })
        func outcome(_ bytes: [UInt8], json: Bool = false) -> String {
            let frames = ForwardFrames(
                encoding: json ? .json : .messagePack,
                bytes: bytes,
                ranges: [0..<bytes.count]
            )
            return small.decode(frames, arrival: Timestamp(milliseconds: 0))
                .map { $0.described(arrival: 0) }.joined()
        }
        let entry = Messages.entry(1, "a")
        for count in [3, 4] {
            let entries = [[UInt8]](repeating: entry, count: count)
            let packed = entries.flatMap { $0 }
            let gzip = Messages.options([("compressed", Messages.text("gzip"))])
            let list = [String](repeating: "[1,{}]", count: count).joined(separator: ",")
            let expected = count == 3
            for text in [
                outcome(Messages.forward("t", entries)), outcome(Messages.packed("t", packed)),
                outcome(Messages.packed("t", Messages.gzip(packed), options: gzip)),
                outcome(Array("[\"t\",[\(list)]]".utf8), json: true),
            ] {
                #expect((text == "refused too_many_entries") != expected, "\(count): \(text)")
            }
        }
    }

    @Test func manyTinyEntriesStopAtTheMemoryLimit() {
        let entries = (0..<100).flatMap { _ in [0x92, 0x05, 0x80] as [UInt8] }
        #expect(outcomes(Messages.packed("t", entries)) == ["refused decoded_too_large"])
        let fields = Messages.bytes {
            $0.array(3)
            $0.string("t")
            $0.integer(1)
            $0.map(1)
            $0.string("l")
            $0.array(100)
            for _ in 0..<100 { $0.null() }
        }
        #expect(outcomes(fields) == ["refused decoded_too_large"])
    }

    @Test func deepNestingCostsNoStack() {
        let deep = Messages.bytes {
            $0.array(3)
            $0.string("t")
            $0.integer(5)
            $0.map(1)
            $0.string("a")
            $0.raw([UInt8](repeating: 0x91, count: 90_000) + [0xc0])
        }
        #expect(outcomes(deep) == ["t invalid=1"])
    }

    @Test func aJSONMessageOverTheLimitIsDroppedHoweverItIsCut() {
        let long = Array("[\"big\",1,{\"log\":\"\(String(repeating: "x", count: 300))\"}]".utf8)
        let stream = long + Array("[\"t\",2,{}]".utf8)
        for piece in 1...20 {
            var framer = ForwardFramer(messageMax: 100, jsonMessageMax: 100)
            var taken = 0
            for start in stride(from: 0, to: stream.count, by: piece) {
                framer.append(Array(stream[start..<min(start + piece, stream.count)]).span)
                while let frames = framer.takeFrames(bytesMax: 50) { taken += frames.ranges.count }
            }
            #expect(framer.failure == nil)
            #expect(taken == 1)
            #expect(framer.takeOversized().map(\.tag) == ["big"])
        }
    }

    @Test(arguments: [20, 100])
    func aMessageOverTheLimitIsDroppedAndTheStreamGoesOn(piece: Int) {
        let long = Messages.message("big.tag", 1, String(repeating: "x", count: 500), chunk: "c")
        let stream = Messages.message("t", 1, "a") + long + Messages.message("t", 2, "b")
        var framer = ForwardFramer(messageMax: 100, jsonMessageMax: 100)
        var seen: [String] = []
        var held = 0
        for start in stride(from: 0, to: stream.count, by: piece) {
            framer.append(Array(stream[start..<min(start + piece, stream.count)]).span)
            held = max(held, framer.heldBytes)
            while let frames = framer.takeFrames(bytesMax: 50) {
                seen += Self.decoder.decode(frames, arrival: Timestamp(milliseconds: Self.arrival))
                    .map { $0.described(arrival: Self.arrival) }
            }
        }
        #expect(seen == ["t 1000:{log=a}", "t 2000:{log=b}"])
        #expect(framer.takeOversized() == [ForwardFramer.Oversized(tag: "big.tag", limit: 100)])
        #expect(framer.takeOversized() == [])
        #expect(held <= 100 + 2 * piece)
    }

    @Test func aMessageOverTheLimitThatComesAtOnceIsDroppedToo() {
        let long = Messages.message("big.tag", 1, String(repeating: "x", count: 500))
        var framer = ForwardFramer(messageMax: 100, jsonMessageMax: 100)
        framer.append((long + Messages.message("t", 2, "b")).span)
        #expect(framer.takeFrames(bytesMax: 1)?.ranges.count == 1)
        #expect(framer.takeFrames(bytesMax: 1) == nil)
        #expect(framer.takeOversized().map(\.tag) == ["big.tag"])
        #expect(framer.heldBytes == 0)
    }

    @Test func manyTinyMessagesAreCutAFewAtATime() {
        var framer = ForwardFramer(messageMax: 1000, jsonMessageMax: 1000)
        framer.append(([UInt8](repeating: 0xc0, count: 300_000) + [0x92]).span)
        var largest = 0
        var total = 0
        while let frames = framer.takeFrames(bytesMax: 1 << 20) {
            largest = max(largest, frames.ranges.count)
            total += frames.ranges.count
        }
        #expect(total == 300_000)
        #expect(largest <= 4096)
        #expect(framer.isInsideMessage)
    }

    @Test func aClaimOfFourGigabytesHoldsNothing() {
        var framer = ForwardFramer(messageMax: 1000, jsonMessageMax: 1000)
        framer.append([0x92, 0xa1, 0x74, 0xdb, 0xff, 0xff, 0xff, 0xff].span)
        for _ in 0..<1000 {
            framer.append([UInt8](repeating: 0, count: 1000).span)
            #expect(framer.heldBytes <= 2000)
        }
        #expect(framer.failure == nil)
        #expect(framer.isInsideMessage)
    }

    @Test func aByteThatBeginsNothingEndsTheStream() {
        var framer = ForwardFramer(messageMax: 1000, jsonMessageMax: 1000)
        framer.append((Messages.message("t", 2, "b") + [0x92, 0xc1]).span)
        #expect(framer.takeFrames(bytesMax: 1)?.ranges.count == 1)
        #expect(framer.failure?.reason == .invalidByte(0xc1))
    }

    @Test func damageNeverTraps() {
        var random = SeededGenerator(seed: 23)
        for _ in 0..<20000 {
            var bytes = Self.modes[Int.random(in: 0..<Self.modes.count, using: &random)].bytes
            for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
                    in: 0...255,
                    using: &random
                )
            }
            var framer = ForwardFramer(messageMax: 1000, jsonMessageMax: 1000)
            framer.append(bytes.span)
            while let frames = framer.takeFrames(bytesMax: 1000) {
                let outcomes = Self.decoder.decode(frames, arrival: Timestamp(milliseconds: 0))
                #expect(outcomes.count == frames.ranges.count)
            }
        }
    }
}
