import Foundation
import TestSupport
import Testing

@testable import WireFormats

@Suite struct JSONTests {
    struct Good: Sendable, CustomTestStringConvertible {
        var text: String
        var value: JSONValue
        var testDescription: String { text }
    }

    @Test(arguments: [
        Good(text: "null", value: .null),
        Good(text: " true\n", value: .bool(true)),
        Good(text: "false", value: .bool(false)),
        Good(text: "0", value: .integer(0)),
        Good(text: "-0", value: .number(-0.0)),
        Good(text: "9223372036854775807", value: .integer(.max)),
        Good(text: "-9223372036854775808", value: .integer(.min)),
        Good(text: "9223372036854775808", value: .number(9_223_372_036_854_775_808)),
        Good(text: "-9223372036854775809", value: .number(-9_223_372_036_854_775_808)),
        Good(text: "123456789012345678901234567890", value: .number(1.2345678901234568e29)),
        Good(text: "1.5", value: .number(1.5)),
        Good(text: "0.1", value: .number(0.1)),
        Good(text: "-1e-7", value: .number(-1e-7)),
        Good(text: "1E+400", value: .number(.infinity)),
        Good(text: "1e-400", value: .number(0)),
        Good(text: "1e999999999999999999999", value: .number(.infinity)),
        Good(text: "2.2250738585072011e-308", value: .number(Double.leastNormalMagnitude.nextDown)),
        Good(text: "9007199254740993.0", value: .number(9007199254740992)),
        Good(text: #""""#, value: .string("")),
        Good(text: #""a\"\\\/\b\f\n\r\t""#, value: .string("a\"\\/\u{8}\u{c}\n\r\t")),
        Good(text: #""\u00e9\u20AC\ud83d\ude00\u0000""#, value: .string("é€😀\0")),
        Good(text: "\"é€😀\"", value: .string("é€😀")),
        Good(text: "[]", value: .array([])),
        Good(
            text: "[1, [2,[]] ]",
            value: .array([.integer(1), .array([.integer(2), .array([])])])
        ),
        Good(text: "{}", value: .object([])),
        Good(
            text: #"{"a":{"b":[null]},"c" : -1.25e2 ,"a":1}"#,
            value: .object([
                ("a", .object([("b", .array([.null]))])), ("c", .number(-125)), ("a", .integer(1)),
            ])
        ),
    ])
    func reads(_ test: Good) throws {
        let bytes = Array(test.text.utf8)
        let value = try JSONValue(bytes.span)
        #expect(value == test.value)
        if case .number(let wanted) = test.value, case .number(let got) = value {
            #expect(got.bitPattern == wanted.bitPattern)
        }
        for count in 0..<bytes.count where !(test.text.allSatisfy { $0.isNumber }) {
            // A cut may still be a whole number; it never traps.
            _ = try? JSONValue(Array(bytes.prefix(count)).span)
        }
    }

    struct Bad: Sendable, CustomTestStringConvertible {
        var text: String
        var error: WireFormatError
        var testDescription: String { "\(text): \(error)" }
    }

    @Test(arguments: [
        Bad(text: "", error: WireFormatError(.truncated, at: 0)),
        Bad(text: "  ", error: WireFormatError(.truncated, at: 2)),
        Bad(text: "nul", error: WireFormatError(.truncated, at: 0)),
        Bad(text: "nulL", error: WireFormatError(.expected("a value"), at: 0)),
        Bad(text: "True", error: WireFormatError(.expected("a value"), at: 0)),
        Bad(text: "NaN", error: WireFormatError(.expected("a value"), at: 0)),
        Bad(text: "+1", error: WireFormatError(.expected("a value"), at: 0)),
        Bad(text: ".5", error: WireFormatError(.expected("a value"), at: 0)),
        Bad(text: "01", error: WireFormatError(.expected("no digit after a leading zero"), at: 1)),
        Bad(text: "-", error: WireFormatError(.truncated, at: 1)),
        Bad(text: "-x", error: WireFormatError(.expected("a digit"), at: 1)),
        Bad(text: "1.", error: WireFormatError(.truncated, at: 2)),
        Bad(text: "1.e1", error: WireFormatError(.expected("a digit"), at: 2)),
        Bad(text: "1e", error: WireFormatError(.truncated, at: 2)),
        Bad(text: "1 2", error: WireFormatError(.trailingBytes, at: 2)),
        Bad(text: "{}x", error: WireFormatError(.trailingBytes, at: 2)),
        Bad(text: "[1,]", error: WireFormatError(.expected("a value"), at: 3)),
        Bad(text: "[1 2]", error: WireFormatError(.expected("',' or ']'"), at: 3)),
        Bad(text: "[1}", error: WireFormatError(.expected("',' or ']'"), at: 2)),
        Bad(text: "[", error: WireFormatError(.truncated, at: 1)),
        Bad(text: "{\"a\"}", error: WireFormatError(.expected("':'"), at: 4)),
        Bad(text: "{\"a\":}", error: WireFormatError(.expected("a value"), at: 5)),
        Bad(text: "{\"a\":1,}", error: WireFormatError(.expected("a name in quotes"), at: 7)),
        Bad(text: "{a:1}", error: WireFormatError(.expected("a name in quotes"), at: 1)),
        Bad(text: "{'a':1}", error: WireFormatError(.expected("a name in quotes"), at: 1)),
        Bad(text: "{\"a\":1", error: WireFormatError(.truncated, at: 6)),
        Bad(text: "\"a", error: WireFormatError(.truncated, at: 2)),
        Bad(text: "\"a\\", error: WireFormatError(.truncated, at: 3)),
        Bad(text: "\"\\u12\"", error: WireFormatError(.truncated, at: 6)),
        Bad(
            text: "\"\\u12g4\"",
            error: WireFormatError(.expected("four hexadecimal digits"), at: 3)
        ),
        Bad(text: "\"\\x\"", error: WireFormatError(.expected("an escape"), at: 2)),
        Bad(
            text: "\"\n\"",
            error: WireFormatError(.expected("an escape for a control character"), at: 1)
        ),
        Bad(text: "\"\\ud83d\"", error: WireFormatError(.invalidText, at: 1)),
        Bad(text: "\"\\ude00\\ud83d\"", error: WireFormatError(.invalidText, at: 1)),
        Bad(text: "// no\n1", error: WireFormatError(.expected("a value"), at: 0)),
        Bad(text: "\u{feff}1", error: WireFormatError(.expected("a value"), at: 0)),
    ])
    func refuses(_ test: Bad) {
        let error = #expect(throws: WireFormatError.self) {
            try JSONValue(Array(test.text.utf8).span)
        }
        #expect(error == test.error)
    }

    @Test func nestingHasALimit() throws {
        let fits = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        _ = try JSONValue(Array(fits.utf8).span)
        let deep = String(repeating: "[", count: 100_000)
        let error = #expect(throws: WireFormatError.self) { try JSONValue(Array(deep.utf8).span) }
        #expect(error == WireFormatError(.nesting(limit: 64), at: 64))
        let shallow = #expect(throws: WireFormatError.self) {
            try JSONValue(Array("[[[1]]]".utf8).span, depthMax: 2)
        }
        #expect(shallow == WireFormatError(.nesting(limit: 2), at: 2))
    }

    @Test func brokenCharactersAreRefusedOrRepaired() throws {
        let bytes: [UInt8] = [0x22, 0x61, 0xff, 0x62, 0x22]
        #expect(throws: WireFormatError(.invalidText, at: 1)) { try JSONValue(bytes.span) }
        #expect(try JSONValue(bytes.span, repairing: true) == .string("a\u{fffd}b"))
        #expect(
            try JSONValue(Array(#""\ud83dx\n""#.utf8).span, repairing: true)
                == .string("\u{fffd}x\n")
        )
    }

    @Test func skipPassesOneValue() throws {
        let bytes = Array(#"{"a":{"b":[1,{"c":2}]},"d":3}"#.utf8)
        var reader = JSONReader(bytes.span)
        let got1 = try reader.next()
        #expect(got1 == .objectStart)
        guard case .name(let name) = try reader.next() else {
            throw WireFormatError(.truncated, at: 0)
        }
        let got2 = reader.equals(name, "a")
        #expect(got2)
        let got3 = reader.equals(name, "b")
        #expect(!got3)
        try reader.skip()
        guard case .name(let next) = try reader.next() else {
            throw WireFormatError(.truncated, at: 0)
        }
        let got4 = reader.equals(next, "d")
        #expect(got4)
        let got5 = try reader.next()
        #expect(got5 == .integer(3))
        let got6 = try reader.next()
        #expect(got6 == .objectEnd)
        let got7 = try reader.next()
        #expect(got7 == .end)
        let got8 = try reader.next()
        #expect(got8 == .end)
    }

    @Test func numbersAreTheNearestDoubles() throws {
        var random = SeededGenerator(seed: 21)
        for _ in 0..<20000 {
            let wanted = Double(bitPattern: random.next())
            guard wanted.isFinite else { continue }
            let value = try JSONValue(Array("\(wanted)".utf8).span)
            #expect(value.double?.bitPattern == wanted.bitPattern)
            let short = "\(random.next() % 100_000_000).\(random.next() % 1_000_000)"
            #expect(try JSONValue(Array(short.utf8).span).double == Double(short))
        }
    }

    @Test func damagedTextsAreJudgedAsFoundationJudgesThem() {
        let seeds = [
            #"{"log":"GET /a\n","n":[1,2.5e3,-0],"k":{"é":null,"t":true}}"#,
            #"[["tag",1700000000,{"message":"\u00e9\ud83d\ude00"}],{}]"#,
        ]
        let alphabet = Array("{}[]\",:\\u0e1-+.tfn \u{1}".utf8)
        var random = SeededGenerator(seed: 1)
        var refused = 0
        for round in 0..<6000 {
            var bytes = Array(seeds[round % seeds.count].utf8)
            for _ in 0..<Int.random(in: 1...2, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] =
                    alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            }
            guard String(validating: bytes, as: UTF8.self) != nil else { continue }
            let ours = (try? JSONValue(bytes.span)) != nil
            if !ours { refused += 1 }
            let theirs =
                (try? JSONSerialization.jsonObject(
                    with: Data(bytes),
                    options: [.fragmentsAllowed]
                )) != nil
            // Foundation lets a lone surrogate through as U+FFFD at times; ours is the stricter one.
            if ours { #expect(theirs, "\(String(decoding: bytes, as: UTF8.self))") }
        }
        #expect(refused > 2000)
    }

    @Test func scannerFindsTheEndHoweverTheBytesArrive() throws {
        let first = Array(#"["t",1,{"a":"]}\"\\","b":[{}]}]"#.utf8)
        let second = Array(#"{"x":"é"}"#.utf8)
        let stream = first + second
        for cut in 0...stream.count {
            var scanner = JSONScanner()
            var lengths: [Int] = []
            var pending: [UInt8] = []
            for part in [stream[..<cut], stream[cut...]] {
                pending += part
                while let length = try scanner.advance(over: pending.span) {
                    lengths.append(length)
                    pending.removeFirst(length)
                }
            }
            #expect(lengths == [first.count, second.count])
        }
        var scanner = JSONScanner()
        #expect(throws: WireFormatError.self) { try scanner.advance(over: [0x31].span) }
        #expect(throws: WireFormatError.self) { try scanner.advance(over: [0x5d].span) }
    }
}
