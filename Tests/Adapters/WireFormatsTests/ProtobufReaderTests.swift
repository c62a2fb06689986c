import TestSupport
import Testing

@testable import WireFormats

@Suite struct ProtobufReaderTests {
    /// Field numbers and values of a whole message, nested messages unread.
    private func fields(_ bytes: [UInt8]) throws -> [String] {
        var reader = ProtobufReader(bytes.span)
        var seen: [String] = []
        while let tag = try reader.tag() {
            switch tag.wireType {
            case .varint: seen.append("\(tag.field)=\(try reader.varint())")
            case .fixed64: seen.append("\(tag.field)=x\(String(try reader.fixed64(), radix: 16))")
            case .fixed32: seen.append("\(tag.field)=y\(String(try reader.fixed32(), radix: 16))")
            case .delimited:
                let range = try reader.delimited()
                seen.append("\(tag.field)=\(range)")
            case .groupStart, .groupEnd:
                try reader.skip(tag)
                seen.append("\(tag.field)=group")
            }
        }
        return seen
    }

    @Test func readsEveryWireType() throws {
        let bytes = hex(
            "089601 11 0807060504030201 1a03 616263 25 04030201 2b 08 01 12 00 2c f8ffffff0f 01"
        )
        #expect(
            try fields(bytes) == [
                "1=150", "2=x102030405060708", "3=14..<17", "4=y1020304", "5=group", "536870911=1",
            ]
        )
    }

    @Test(arguments: [0, 1, 127, 128, 300, 1 << 32, UInt64(Int64.max), UInt64.max])
    func varintsComeBack(value: UInt64) throws {
        var bytes: [UInt8] = []
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
        var reader = ProtobufReader(bytes.span)
        let got1 = try reader.varint()
        #expect(got1 == value)
        let isAtEnd = reader.isAtEnd
        #expect(isAtEnd)
    }

    struct Bad: Sendable, CustomTestStringConvertible {
        var bytes: String
        var error: WireFormatError
        var testDescription: String { "\(bytes): \(error)" }
    }

    @Test(arguments: [
        Bad(bytes: "08 ffffffffffffffffff 02", error: WireFormatError(.varintTooLong, at: 1)),
        Bad(bytes: "08 ffffffffffffffffffff 01", error: WireFormatError(.varintTooLong, at: 1)),
        Bad(bytes: "08 80", error: WireFormatError(.truncated, at: 2)),
        Bad(bytes: "00 01", error: WireFormatError(.invalidFieldNumber, at: 0)),
        Bad(bytes: "80 80 80 80 10 01", error: WireFormatError(.invalidFieldNumber, at: 0)),
        Bad(bytes: "0e", error: WireFormatError(.invalidWireType(6), at: 0)),
        Bad(bytes: "0f", error: WireFormatError(.invalidWireType(7), at: 0)),
        Bad(bytes: "0c", error: WireFormatError(.invalidWireType(4), at: 1)),
        Bad(bytes: "09 01020304050607", error: WireFormatError(.truncated, at: 1)),
        Bad(bytes: "0d 010203", error: WireFormatError(.truncated, at: 1)),
        Bad(bytes: "0a 02 61", error: WireFormatError(.truncated, at: 1)),
        Bad(bytes: "0a ffffffffffffffffff01", error: WireFormatError(.truncated, at: 1)),
        Bad(bytes: "0b 08 01", error: WireFormatError(.truncated, at: 3)),
    ])
    func refuses(_ test: Bad) {
        let error = #expect(throws: WireFormatError.self) { try fields(hex(test.bytes)) }
        #expect(error == test.error)
    }

    @Test func groupsAreBounded() {
        let deep = [UInt8](repeating: 0x0b, count: 100_000)
        let error = #expect(throws: WireFormatError.self) { try fields(deep) }
        #expect(error?.reason == .nesting(limit: 32))
    }

    @Test func nestedRangesEndWhereTheirMessageEnds() throws {
        // A message of 3 bytes whose inner length would reach one byte past it.
        let bytes = hex("0a 03 0a 02 61 62")
        var outer = ProtobufReader(bytes.span)
        _ = try outer.tag()
        var inner = ProtobufReader(bytes.span, in: try outer.delimited())
        _ = try inner.tag()
        let error = #expect(throws: WireFormatError.self) { try inner.delimited() }
        #expect(error == WireFormatError(.truncated, at: 3))
    }

    @Test func randomBytesNeverTrap() {
        var random = SeededGenerator(seed: 5)
        for _ in 0..<20000 {
            let bytes = (0..<Int.random(in: 0..<40, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            if let seen = try? fields(bytes) { #expect(seen.count <= bytes.count) }
        }
    }
}
