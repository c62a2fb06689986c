extension [UInt8] {
    /// Appends the bytes of a span in one copy.
    package mutating func append(copying bytes: Span<UInt8>) {
        // The buffer is only read within the call.
        unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }
}
