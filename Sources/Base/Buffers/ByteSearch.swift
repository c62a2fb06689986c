import Glibc

extension Span<UInt8> {
    /// Where a byte first stands in a range; nil when it does not.
    ///
    /// - Parameters:
    ///   - byte: What is looked for.
    ///   - range: In bounds.
    /// - Returns: An index into the span.
    /// - Complexity: That of `memchr`: many bytes at a time.
    package func firstIndex(of byte: UInt8, in range: Range<Int>) -> Int? {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "range in bounds")
        // The range lies in bounds, so memchr reads nothing else.
        return unsafe withUnsafeBufferPointer { bytes -> Int? in
            guard let start = bytes.baseAddress, !range.isEmpty,
                let found = unsafe memchr(start + range.lowerBound, Int32(byte), range.count)
            else { return nil }
            return unsafe UnsafeRawPointer(found) - UnsafeRawPointer(start)
        }
    }

    /// Whether a range holds exactly these bytes.
    ///
    /// - Parameters:
    ///   - range: In bounds.
    ///   - bytes: What it is compared with.
    /// - Returns: True also when both are empty.
    package func equals(_ range: Range<Int>, _ bytes: Span<UInt8>) -> Bool {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "range in bounds")
        guard range.count == bytes.count else { return false }
        guard !range.isEmpty else { return true }
        // Both are of the same length and in bounds.
        return unsafe withUnsafeBufferPointer { own -> Bool in
            unsafe bytes.withUnsafeBufferPointer { others -> Bool in
                guard let own = own.baseAddress, let others = others.baseAddress else {
                    return true
                }
                return unsafe memcmp(own + range.lowerBound, others, range.count) == 0
            }
        }
    }
}

extension Hasher {
    /// Feeds the bytes of a range, which is in bounds.
    package mutating func combine(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        let part = bytes.extracting(range)
        // The bytes are only read within the call.
        unsafe part.withUnsafeBytes { unsafe combine(bytes: $0) }
    }
}
