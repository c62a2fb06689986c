import Testing

@testable import SampleLog

@Suite struct ChecksumTests {
    @Test(arguments: [
        ("", 0 as UInt32), ("123456789", 0xe306_9283), ("a", 0xc1d0_4330),
    ])
    func knownValues(text: String, expected: UInt32) {
        let bytes = Array(text.utf8)
        #expect(unsafe bytes.withUnsafeBytes { unsafe Checksum.of($0) } == expected)
        #expect(unsafe bytes.withUnsafeBytes { unsafe Checksum.bySoftware($0) } == expected)
    }
}
