/// A sealed chunk: the bytes of a run of samples, decodable on their own.
///
/// Little-endian, no alignment:
/// ```
///  0  t0 i64      first timestamp, ms
///  8  step u32    mean distance of timestamps, in units
/// 12  n u8        samples
/// 13  jw u8       bits of a timestamp's distance from its step; 64 (all timestamps raw) when they don't fit
/// 14  mode u8     bits 0-1: `Mode`; bit 2: values are differences; bits 3-4: the unit of time;
///                 bit 5: thinned
/// 15  vw u8       bits of a packed value, 0...57 or 64
/// 16  exponent u8 decimal exponent of the values, 0...6 (bits 0-3); bytes of `jitter` (bits 4-7)
/// 17  shift u8    zero bits dropped from the end of each packed value
/// 18  widths u8   bytes of `base` (bits 0-3) and of `least` (bits 4-7)
/// 19  base        the value (constant), the least value, or the first when values are differences
///     least       the least difference, when values are differences
///     jitter      the least distance from a step
///     n * jw bits, then n * vw bits (n - 1 for differences), then 2 n bits (adjusted): each from a byte's start
/// ```
/// Readers load eight bytes at a time, so `tailBytes` must follow.
enum ChunkLayout {
    /// How values became integers.
    enum Mode {
        /// All values have the bits of `base`.
        static let constant: UInt8 = 0
        /// `Double(k) / 10^exponent`.
        static let decimal: UInt8 = 1
        /// The same, off by -2...1 units in the last place, kept in two bits.
        static let adjusted: UInt8 = 2
        /// The bit patterns themselves.
        static let bits: UInt8 = 3
    }

    static let differenceFlag: UInt8 = 4
    /// Says that the chunk holds about a sample a minute; whoever packs the samples again leaves it out.
    static let thinnedFlag: UInt8 = 32
    static let modeMask: UInt8 = 3
    static let step = 8
    static let count = 12
    static let jitterWidth = 13
    static let mode = 14
    static let valueWidth = 15
    static let exponent = 16
    static let shift = 17
    static let widths = 18
    static let headerBytes = 19

    /// Samples in one chunk at most.
    static let countMax = 96
    /// Readable bytes that must follow a chunk.
    static let tailBytes = 8
    /// Fields wider than this are stored in 64 bits, as eight bytes from a bit's offset hold no more.
    static let packedWidthMax = 57
    /// A `jitterWidth` that says that timestamps are stored as they are.
    static let rawTimes: UInt8 = 64
    static let exponentMax = 6
    /// Bytes of any chunk at most, tail included.
    static let bytesMax = headerBytes + 24 + countMax * 16 + countMax / 4 + 16 + tailBytes
}

/// Powers of ten by exponent; a tuple switch would be slower, a global array is checked at each use.
@inline(__always)
func decimalPower(_ exponent: Int) -> Double {
    switch exponent {
    case 0: 1
    case 1: 10
    case 2: 100
    case 3: 1000
    case 4: 10000
    case 5: 100_000
    default: 1_000_000
    }
}

/// Units in which distances of timestamps are kept, in ms: sources that report by the minute have gaps of
/// whole minutes.
@inline(__always)
func timeUnit(_ code: UInt8) -> Int64 {
    switch code {
    case 1: 1000
    case 2: 60_000
    default: 1
    }
}
