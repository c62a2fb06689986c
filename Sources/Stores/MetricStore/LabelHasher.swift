/// The key of a series: a hash of its label bytes of which 96 bits are kept.
struct LabelHash: Equatable {
    /// Compared, and decides the place in the table.
    var primary: UInt64
    /// The low half is compared; the high half decides the shard.
    var secondary: UInt64
}

/// A keyed hash over label bytes: NH over blocks of 1 KiB (Black, Halevi, Krawczyk, Krovetz, Rogaway: UMAC,
/// 1999), with 64-bit words and 128-bit sums, then a Feistel mix.
///
/// The keys are drawn at random for each store, so that outside input cannot be made to collide.
@safe
final class LabelHasher: @unchecked Sendable {
    // Sendable: `keys` is written in init, and by `adopt` before any other thread has it.
    private let keys: UnsafeMutablePointer<UInt64>

    private static let blockBytes = 1024
    private static let keyCount = blockBytes / 8 + 2
    /// Keys in all, as they are kept with a store.
    static let storedKeyCount = keyCount + 2

    init(using random: inout some RandomNumberGenerator) {
        unsafe keys = .allocate(capacity: LabelHasher.keyCount + 2)
        for index in 0..<LabelHasher.keyCount + 2 {
            unsafe (keys + index).initialize(to: random.next())
        }
    }

    deinit { unsafe keys.deallocate() }

    /// Takes the keys of a store that is there already; only before the first hash.
    func adopt(_ stored: [UInt64]) {
        precondition(stored.count == LabelHasher.storedKeyCount, "keys of another hash")
        for (index, key) in stored.enumerated() { unsafe keys[index] = key }
    }

    /// The hash of `count` bytes at `bytes`, all of which must be readable.
    @inline(__always)
    func hash(_ bytes: UnsafeRawPointer, count: Int) -> LabelHash {
        var low = UInt64(truncatingIfNeeded: count)
        var high = 0 as UInt64
        var offset = 0
        repeat {
            let length = min(count &- offset, LabelHasher.blockBytes)
            unsafe add(bytes + offset, length, &low, &high)
            mix(&low, &high)
            offset &+= LabelHasher.blockBytes
        } while offset < count
        return LabelHash(primary: low, secondary: high)
    }

    /// Adds one block's NH sum; a last part of fewer than 16 bytes is read again from its end backwards.
    @inline(__always)
    private func add(
        _ bytes: UnsafeRawPointer,
        _ count: Int,
        _ low: inout UInt64,
        _ high: inout UInt64
    ) {
        var offset = 0
        while offset &+ 16 <= count {
            unsafe add(
                bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self),
                bytes.loadUnaligned(fromByteOffset: offset &+ 8, as: UInt64.self),
                offset / 8,
                &low,
                &high
            )
            offset &+= 16
        }
        guard offset < count else { return }
        if count >= 16 {
            unsafe add(
                bytes.loadUnaligned(fromByteOffset: count &- 16, as: UInt64.self),
                bytes.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self),
                offset / 8,
                &low,
                &high
            )
            return
        }
        var words = (0 as UInt64, 0 as UInt64)
        for index in 0..<count {
            let byte = unsafe UInt64(bytes.load(fromByteOffset: index, as: UInt8.self))
            if index < 8 {
                words.0 |= byte &<< UInt64(8 &* index)
            } else {
                words.1 |= byte &<< UInt64(8 &* (index &- 8))
            }
        }
        add(words.0, words.1, 0, &low, &high)
    }

    @inline(__always)
    private func add(
        _ first: UInt64,
        _ second: UInt64,
        _ key: Int,
        _ low: inout UInt64,
        _ high: inout UInt64
    ) {
        let product = unsafe (first &+ keys[key]).multipliedFullWidth(by: second &+ keys[key &+ 1])
        let (sum, carry) = low.addingReportingOverflow(product.low)
        low = sum
        high = high &+ product.high &+ (carry ? 1 : 0)
    }

    /// A bijection of the 128 bits that spreads each over all.
    @inline(__always)
    private func mix(_ low: inout UInt64, _ high: inout UInt64) {
        unsafe low ^= scramble(high ^ keys[LabelHasher.keyCount])
        unsafe high ^= scramble(low ^ keys[LabelHasher.keyCount &+ 1])
    }

    /// The finalizer of MurmurHash3 (Austin Appleby, public domain).
    @inline(__always)
    private func scramble(_ word: UInt64) -> UInt64 {
        var mixed = word
        mixed = (mixed ^ (mixed &>> 33)) &* 0xff51_afd7_ed55_8ccd
        mixed = (mixed ^ (mixed &>> 33)) &* 0xc4ce_b9fe_1a85_ec53
        return mixed ^ (mixed &>> 33)
    }
}
