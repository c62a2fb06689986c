import Buffers

/// Strings out of byte ranges.
package enum WireText {
    /// The text in `range`, or nil when it is not UTF-8.
    package static func validated(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String? {
        guard let text = try? UTF8Span(validating: bytes.extracting(range)) else { return nil }
        return String(copying: text)
    }

    /// The text in `range`; what is not UTF-8 becomes U+FFFD.
    package static func repaired(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String {
        String(repairing: bytes.extracting(range))
    }

    /// The bytes in `range` as an array of their own.
    package static func copy(_ bytes: Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
        [UInt8](capacity: range.count) { output in
            for index in range { output.append(bytes[index]) }
        }
    }
}
