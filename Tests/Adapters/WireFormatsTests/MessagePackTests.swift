import TestSupport
import Testing

@testable import WireFormats

@Suite struct MessagePackTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var bytes: String
        var token: MessagePackToken
        /// False for a form that is legal but longer than the writer's.
        var isSmallest = true
        var testDescription: String { "\(bytes) is \(token)" }
    }

    static let cases: [Case] = [
        Case(bytes: "00", token: .integer(0)),
        Case(bytes: "7f", token: .integer(127)),
        Case(bytes: "cc80", token: .integer(128)),
        Case(bytes: "cc01", token: .integer(1), isSmallest: false),
        Case(bytes: "cd0100", token: .integer(256)),
        Case(bytes: "ce00010000", token: .integer(65536)),
        Case(bytes: "ceffffffff", token: .integer(0xffff_ffff)),
        Case(bytes: "cf0000000100000000", token: .integer(1 << 32)),
        Case(bytes: "cf7fffffffffffffff", token: .integer(.max)),
        Case(bytes: "cf8000000000000000", token: .unsigned(1 << 63)),
        Case(bytes: "cfffffffffffffffff", token: .unsigned(.max)),
        Case(bytes: "ff", token: .integer(-1)),
        Case(bytes: "e0", token: .integer(-32)),
        Case(bytes: "d0df", token: .integer(-33)),
        Case(bytes: "d080", token: .integer(-128)),
        Case(bytes: "d1ff7f", token: .integer(-129)),
        Case(bytes: "d2ffff7fff", token: .integer(-32769)),
        Case(bytes: "d38000000000000000", token: .integer(.min)),
        Case(bytes: "d30000000000000001", token: .integer(1), isSmallest: false),
        Case(bytes: "c0", token: .null),
        Case(bytes: "c2", token: .bool(false)),
        Case(bytes: "c3", token: .bool(true)),
        Case(bytes: "ca3fc00000", token: .number(1.5), isSmallest: false),
        Case(bytes: "cb3ff8000000000000", token: .number(1.5)),
        Case(bytes: "a0", token: .string(1..<1)),
        Case(bytes: "a2ff00", token: .string(1..<3)),
        Case(bytes: "d90161", token: .string(2..<3), isSmallest: false),
        Case(bytes: "da000161", token: .string(3..<4), isSmallest: false),
        Case(bytes: "db0000000161", token: .string(5..<6), isSmallest: false),
        Case(bytes: "c40161", token: .binary(2..<3)),
        Case(bytes: "c5000161", token: .binary(3..<4), isSmallest: false),
        Case(bytes: "c60000000161", token: .binary(5..<6), isSmallest: false),
        Case(bytes: "d4 05 01", token: .extended(type: 5, 2..<3)),
        Case(bytes: "d5 05 0102", token: .extended(type: 5, 2..<4)),
        Case(bytes: "d6 ff 01020304", token: .extended(type: -1, 2..<6)),
        Case(bytes: "d7 00 0102030405060708", token: .extended(type: 0, 2..<10)),
        Case(bytes: "d8 00 01020304050607080102030405060708", token: .extended(type: 0, 2..<18)),
        Case(
            bytes: "c7 08 00 0102030405060708",
            token: .extended(type: 0, 3..<11),
            isSmallest: false
        ),
        Case(bytes: "c7 00 07", token: .extended(type: 7, 3..<3)),
        Case(bytes: "c8 0001 07 09", token: .extended(type: 7, 4..<5), isSmallest: false),
        Case(bytes: "c9 00000001 07 09", token: .extended(type: 7, 6..<7), isSmallest: false),
    ]

    @Test(arguments: cases)
    func reads(_ test: Case) throws {
        let bytes = hex(test.bytes)
        var reader = MessagePackReader(bytes.span)
        let got1 = try reader.next()
        #expect(got1 == test.token)
        let isAtEnd = reader.isAtEnd
        #expect(isAtEnd)
    }

    @Test(arguments: cases.filter(\.isSmallest))
    func writes(_ test: Case) {
        let bytes = hex(test.bytes)
        var writer = MessagePackWriter()
        switch test.token {
        case .null: writer.null()
        case .bool(let value): writer.bool(value)
        case .integer(let value): writer.integer(value)
        case .unsigned(let value): writer.unsigned(value)
        case .number(let value): writer.number(value)
        case .string(let range): writer.string(bytes: Array(bytes[range]))
        case .binary(let range): writer.binary(Array(bytes[range]))
        case .extended(let type, let range): writer.extended(type: type, Array(bytes[range]))
        case .array(let count): writer.array(count)
        case .map(let count): writer.map(count)
        }
        #expect(writer.bytes == bytes)
    }

    @Test(arguments: [0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536])
    func lengthsComeBack(count: Int) throws {
        let payload = [UInt8](repeating: 0x61, count: count)
        var writer = MessagePackWriter()
        writer.array(count)
        for _ in 0..<count { writer.null() }
        writer.map(count)
        for _ in 0..<2 * count { writer.null() }
        writer.string(bytes: payload)
        writer.binary(payload)
        writer.extended(type: 3, payload)
        var reader = MessagePackReader(writer.bytes.span)
        let got2 = try reader.next()
        #expect(got2 == .array(count))
        for _ in 0..<count { _ = try reader.next() }
        let got3 = try reader.next()
        #expect(got3 == .map(count))
        for _ in 0..<2 * count { _ = try reader.next() }
        guard case .string(let text) = try reader.next(),
            case .binary(let binary) = try reader.next(),
            case .extended(3, let extended) = try reader.next()
        else {
            Issue.record("other kinds came back")
            return
        }
        #expect([text.count, binary.count, extended.count] == [count, count, count])
        let isAtEnd = reader.isAtEnd
        #expect(isAtEnd)
    }

    @Test(arguments: cases)
    func truncationIsAnErrorAtEveryByte(_ test: Case) {
        let bytes = hex(test.bytes)
        for count in 0..<bytes.count {
            let cut = Array(bytes.prefix(count))
            var reader = MessagePackReader(cut.span)
            let error = #expect(throws: WireFormatError.self) { try reader.next() }
            #expect(error?.reason == .truncated)
        }
    }

    @Test func refusesTheByteThatBeginsNothing() {
        var reader = MessagePackReader(hex("93 01 c1 02").span)
        let error = #expect(throws: WireFormatError.self) { try reader.skip() }
        #expect(error == WireFormatError(.invalidByte(0xc1), at: 2))
        #expect(error?.description == "byte 0xc1 begins no value at byte 2")
    }

    @Test(arguments: [
        "ddffffffff", "dfffffffff", "dcffff 01", "dbffffffff", "c6ffffffff 00", "81 01",
    ])
    func countsThatCannotBeThereAreRefused(_ bytes: String) {
        var reader = MessagePackReader(hex(bytes).span)
        let error = #expect(throws: WireFormatError.self) { try reader.skip() }
        #expect(error?.reason == .truncated)
    }

    @Test func depthDoesNotGrowTheStack() throws {
        let deep = [UInt8](repeating: 0x91, count: 1_000_000) + [0xc0]
        var reader = MessagePackReader(deep.span)
        let got4 = try reader.skip()
        #expect(got4 == 0..<1_000_001)
        var scanner = MessagePackScanner()
        #expect(try scanner.advance(over: deep.span) == 1_000_001)
    }

    /// One value of each kind, nested.
    static let message: [UInt8] = {
        var writer = MessagePackWriter()
        writer.array(4)
        writer.string("kube.var.log")
        writer.array(2)
        writer.extended(type: 0, [1, 2, 3, 4, 5, 6, 7, 8])
        writer.map(0)
        writer.map(2)
        writer.string("log")
        writer.string(String(repeating: "x", count: 300))
        writer.string("n")
        writer.number(-2.5)
        writer.map(1)
        writer.string("chunk")
        writer.binary([UInt8](repeating: 7, count: 40))
        return writer.bytes
    }()

    @Test func scannerFindsTheEndHoweverTheBytesArrive() throws {
        let message = Self.message
        let stream = message + [0xc0] + message
        for cut in 0...stream.count {
            var scanner = MessagePackScanner()
            var lengths: [Int] = []
            var pending: [UInt8] = []
            for part in [stream[..<cut], stream[cut...]] {
                pending += part
                while let length = try scanner.advance(over: pending.span) {
                    lengths.append(length)
                    pending.removeFirst(length)
                }
            }
            #expect(lengths == [message.count, 1, message.count])
            #expect(pending.isEmpty)
        }
    }

    @Test func randomBytesNeverTrap() {
        var random = SeededGenerator(seed: 11)
        for _ in 0..<20000 {
            let bytes = (0..<Int.random(in: 0..<40, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            var reader = MessagePackReader(bytes.span)
            var scanner = MessagePackScanner()
            let read = try? reader.skip().upperBound
            let scanned = (try? scanner.advance(over: bytes.span)).flatMap { $0 }
            #expect(read == scanned)
        }
    }
}
