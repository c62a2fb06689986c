/// A growing run of bytes to which encoders write; its memory is used again after `removeAll`.
@safe
package struct ByteWriter: ~Copyable {
    private var start: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    /// Bytes written so far.
    package private(set) var count: Int

    package init(capacity: Int = 1024) {
        self.capacity = max(capacity, 16)
        count = 0
        unsafe start = .allocate(capacity: self.capacity)
    }

    deinit { unsafe start.deallocate() }

    /// The bytes written so far.
    package var bytes: Span<UInt8> {
        @_lifetime(borrow self)
        borrowing get {
            // Initialized up to `count`, and owned by `self`.
            let span = unsafe Span(_unsafeStart: start, count: count)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    package mutating func removeAll() { count = 0 }

    package mutating func append(_ byte: UInt8) {
        reserve(1)
        unsafe start[count] = byte
        count &+= 1
    }

    /// Appends eight bytes, the lowest first.
    package mutating func append(_ word: UInt64) {
        reserve(8)
        unsafe UnsafeMutableRawPointer(start + count).storeBytes(
            of: word.littleEndian,
            as: UInt64.self
        )
        count &+= 8
    }

    /// Appends seven bits a byte, the lowest first, the high bit set in all but the last.
    package mutating func appendVarint(_ value: UInt64) {
        reserve(10)
        var rest = value
        while rest >= 0x80 {
            unsafe start[count] = UInt8(truncatingIfNeeded: rest) | 0x80
            count &+= 1
            rest &>>= 7
        }
        unsafe start[count] = UInt8(truncatingIfNeeded: rest)
        count &+= 1
    }

    /// Appends a string's UTF-8.
    package mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            reserve(utf8.count)
            if let source = utf8.baseAddress {
                unsafe (start + count).update(from: source, count: utf8.count)
            }
            count &+= utf8.count
        }
    }

    /// Overwrites four bytes at `offset` that were written before, the lowest first.
    package mutating func overwrite(_ word: UInt32, at offset: Int) {
        precondition(offset >= 0 && offset + 4 <= count, "only what was written can be overwritten")
        unsafe UnsafeMutableRawPointer(start + offset).storeBytes(
            of: word.littleEndian,
            as: UInt32.self
        )
    }

    /// Makes room for `more` bytes.
    private mutating func reserve(_ more: Int) {
        guard count &+ more > capacity else { return }
        let larger = max(capacity * 2, count + more)
        let grown = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
        unsafe grown.update(from: start, count: count)
        unsafe start.deallocate()
        unsafe start = unsafe grown
        capacity = larger
    }
}
