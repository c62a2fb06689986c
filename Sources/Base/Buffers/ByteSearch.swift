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

    /// Where a quote, a backslash or a control character first stands in a range: what ends or bends a string of
    /// JSON.
    ///
    /// - Parameter range: In bounds.
    /// - Returns: An index into the span; the range's end when there is none.
    /// - Complexity: Eight bytes at a time.
    @inlinable
    package func firstOfJSONString(in range: Range<Int>) -> Int {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "range in bounds")
        let ones: UInt64 = 0x0101_0101_0101_0101
        // Every load lies within the range, which is in bounds.
        return unsafe withUnsafeBytes { bytes -> Int in
            var position = range.lowerBound
            while position &+ 8 <= range.upperBound {
                let word = unsafe UInt64(
                    littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
                )
                // A byte's high bit is set where it is what is looked for; above the first such byte a borrow may set
                // others, which does not matter.
                let quotes = word ^ (ones &* 0x22)
                let backslashes = word ^ (ones &* 0x5c)
                let marks =
                    ((quotes &- ones) & ~quotes)
                    | ((backslashes &- ones) & ~backslashes)
                    | ((word &- (ones &* 0x20)) & ~word)
                let found = marks & (ones &* 0x80)
                if found != 0 { return position &+ (found.trailingZeroBitCount &>> 3) }
                position &+= 8
            }
            while position < range.upperBound {
                let byte = unsafe bytes[position]
                if byte == 0x22 || byte == 0x5c || byte < 0x20 { return position }
                position &+= 1
            }
            return range.upperBound
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

extension String {
    /// The text of UTF-8 bytes; what is none becomes U+FFFD.
    package init(repairing bytes: Span<UInt8>) {
        // The bytes are only read within the call.
        self = unsafe bytes.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    }
}
