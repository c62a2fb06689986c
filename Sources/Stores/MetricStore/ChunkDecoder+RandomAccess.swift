/// Single samples of a chunk, without unpacking the others.
extension ChunkDecoder {
    /// The timestamp of sample `index`, which the chunk has.
    @inline(__always)
    static func time(_ chunk: UnsafeRawPointer, _ index: Int) -> Int64 {
        unsafe time(chunk, Times(chunk), index)
    }

    @inline(__always)
    private static func time(_ chunk: UnsafeRawPointer, _ times: Times, _ index: Int) -> Int64 {
        let field = unsafe unpackedField(chunk + times.offset, index, width: times.width)
        if times.width == Int(ChunkLayout.rawTimes) { return Int64(bitPattern: field) }
        return unsafe firstTime(chunk)
            &+ (Int64(index) &* times.step &+ times.least &+ Int64(bitPattern: field)) &* times.unit
    }

    /// How many of the samples are at or before `moment`.
    static func count(_ chunk: UnsafeRawPointer, through moment: Int64) -> Int {
        let count = unsafe count(chunk)
        let times = unsafe Times(chunk)
        let first = unsafe firstTime(chunk)
        guard moment >= first else { return 0 }
        if times.width == Int(ChunkLayout.rawTimes) {
            var (low, high) = (0, count)
            while low < high {
                let middle = (low + high) / 2
                if unsafe time(chunk, times, middle) <= moment {
                    low = middle + 1
                } else {
                    high = middle
                }
            }
            return low
        }
        // Near where it would be without jitter.
        let step = UInt64(bitPattern: max(1, times.step &* times.unit))
        let guess = UInt64(bitPattern: moment &- first) / step
        var place = Int(min(guess, UInt64(count - 1)))
        if unsafe time(chunk, times, place) <= moment {
            repeat { place += 1 } while unsafe place < count && time(chunk, times, place) <= moment
        } else {
            while unsafe place > 0 && time(chunk, times, place - 1) > moment { place -= 1 }
        }
        return place
    }

    /// The value bits of sample `index`, which the chunk has.
    ///
    /// - Complexity: O(1), or O(`index`) where values are kept as differences.
    static func bits(_ chunk: UnsafeRawPointer, _ index: Int) -> UInt64 {
        let flags = unsafe chunk.load(fromByteOffset: ChunkLayout.mode, as: UInt8.self)
        let mode = flags & ChunkLayout.modeMask
        let widths = unsafe Int(chunk.load(fromByteOffset: ChunkLayout.widths, as: UInt8.self))
        let base = unsafe signed(chunk, ChunkLayout.headerBytes, width: widths & 15)
        if mode == ChunkLayout.Mode.constant { return UInt64(bitPattern: base) }
        let count = unsafe count(chunk)
        let times = unsafe Times(chunk)
        let timeBytes = (count &* times.width &+ 7) / 8
        let section = unsafe chunk + (times.offset &+ timeBytes)
        let width = unsafe Int(chunk.load(fromByteOffset: ChunkLayout.valueWidth, as: UInt8.self))
        let shift = unsafe UInt64(chunk.load(fromByteOffset: ChunkLayout.shift, as: UInt8.self))
        let isDifference = flags & ChunkLayout.differenceFlag != 0
        var integer = base
        if isDifference {
            let start = ChunkLayout.headerBytes &+ widths & 15
            let least = unsafe signed(chunk, start, width: widths >> 4)
            let sum = unsafe sum(section, index, width: width) &<< shift
            integer = base &+ Int64(index) &* least &+ Int64(bitPattern: sum)
        } else {
            let field = unsafe unpackedField(section, index, width: width) &<< shift
            integer = base &+ Int64(bitPattern: field)
        }
        guard mode != ChunkLayout.Mode.bits else { return UInt64(bitPattern: integer) }
        let exponent = unsafe Int(chunk.load(fromByteOffset: ChunkLayout.exponent, as: UInt8.self))
        let bits = (Double(integer) / decimalPower(exponent & 15)).bitPattern
        guard mode == ChunkLayout.Mode.adjusted else { return bits }
        let fields = isDifference ? count &- 1 : count
        let corrections = unsafe section + (fields &* width &+ 7) / 8
        return unsafe bits &+ unpackedField(corrections, index, width: 2) &- 2
    }

    /// The sum of the first `count` fields of a section.
    private static func sum(_ section: UnsafeRawPointer, _ count: Int, width: Int) -> UInt64 {
        guard width > 0 else { return 0 }
        var sum: UInt64 = 0
        guard width <= ChunkLayout.packedWidthMax else {
            for index in 0..<count {
                unsafe sum = sum &+ unpackedField(section, index, width: width)
            }
            return sum
        }
        // As many fields as eight bytes surely hold are taken from each.
        let most = ChunkLayout.packedWidthMax / width
        let mask = (1 as UInt64 &<< UInt64(width)) &- 1
        var bit = 0
        var left = count
        while left > 0 {
            var word = unsafe section.loadUnaligned(fromByteOffset: bit &>> 3, as: UInt64.self)
            word = word &>> UInt64(bit & 7)
            let fields = min(most, left)
            for _ in 0..<fields {
                sum = sum &+ (word & mask)
                word = word &>> UInt64(width)
            }
            bit = bit &+ fields &* width
            left = left &- fields
        }
        return sum
    }
}
