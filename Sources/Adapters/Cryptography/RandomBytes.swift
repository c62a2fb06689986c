import COpenSSL

/// The operating system's random source through OpenSSL, fit for keys and nonces.
package struct SecureGenerator: RandomNumberGenerator, Sendable {
    package init() {}

    package mutating func next() -> UInt64 {
        var number: UInt64 = 0
        let done = unsafe withUnsafeMutableBytes(of: &number) { bytes in
            // The buffer is the number's own eight bytes.
            unsafe RAND_bytes(
                bytes.baseAddress?.assumingMemoryBound(to: UInt8.self),
                Int32(bytes.count)
            )
        }
        precondition(done == 1, "OpenSSL has no random numbers; is /dev/urandom there?")
        return number
    }
}

/// Unpredictable byte strings.
package enum RandomBytes {
    /// `count` bytes from the system's secure source.
    package static func secure(_ count: Int) -> [UInt8] {
        var generator = SecureGenerator()
        return make(count, using: &generator)
    }

    /// `count` bytes from the given source; tests pass a seeded one.
    package static func make(
        _ count: Int,
        using generator: inout some RandomNumberGenerator
    )
        -> [UInt8]
    {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            var word = generator.next()
            for _ in 0..<min(8, count - bytes.count) {
                bytes.append(UInt8(truncatingIfNeeded: word))
                word >>= 8
            }
        }
        return bytes
    }

    /// `count` bytes from any source behind an existential, for owners that hold one injected.
    package static func make(
        _ count: Int,
        using generator: inout any RandomNumberGenerator
    )
        -> [UInt8]
    {
        var opened = AnyGenerator(base: generator)
        defer { generator = opened.base }
        return make(count, using: &opened)
    }

    private struct AnyGenerator: RandomNumberGenerator {
        var base: any RandomNumberGenerator

        mutating func next() -> UInt64 { base.next() }
    }
}
