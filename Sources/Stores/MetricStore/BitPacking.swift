/// Writes fields of up to 57 bits, or of 64 at a byte's start, from the lowest bit up.
@safe
struct BitPacker {
    private let start: UnsafeMutableRawPointer
    private var pending: UInt64 = 0
    private var pendingBits: UInt64 = 0
    /// Whole bytes written so far.
    private(set) var byteCount = 0

    /// Writes from `start` on; eight bytes past the last field must be writable.
    @inline(__always)
    init(at start: UnsafeMutableRawPointer) {
        unsafe self.start = unsafe start
    }

    @inline(__always)
    mutating func append(_ field: UInt64, width: UInt64) {
        guard width != 64 else {
            unsafe start.storeBytes(of: field, toByteOffset: byteCount, as: UInt64.self)
            byteCount &+= 8
            return
        }
        pending |= field &<< pendingBits
        pendingBits &+= width
        unsafe start.storeBytes(of: pending, toByteOffset: byteCount, as: UInt64.self)
        let whole = pendingBits &>> 3
        byteCount &+= Int(truncatingIfNeeded: whole)
        pending = whole == 8 ? 0 : pending &>> (whole &<< 3)
        pendingBits &= 7
    }

    /// Ends a section: the next field starts at a byte.
    @inline(__always)
    mutating func align() {
        if pendingBits > 0 { byteCount &+= 1 }
        pending = 0
        pendingBits = 0
    }
}

/// Field `index` of a section of fields of `width` bits (0...57 or 64); eight bytes past it are readable.
@inline(__always)
func unpackedField(_ section: UnsafeRawPointer, _ index: Int, width: Int) -> UInt64 {
    if width == 64 {
        return unsafe section.loadUnaligned(fromByteOffset: index &* 8, as: UInt64.self)
    }
    let bit = index &* width
    let word = unsafe section.loadUnaligned(fromByteOffset: bit &>> 3, as: UInt64.self)
    return (word &>> UInt64(bit & 7)) & ((1 &<< UInt64(width)) &- 1)
}
