/// Unpacks chunks.
enum ChunkDecoder {
    /// Samples in a chunk.
    @inline(__always)
    static func count(_ chunk: UnsafeRawPointer) -> Int {
        unsafe Int(chunk.load(fromByteOffset: ChunkLayout.count, as: UInt8.self))
    }

    /// The timestamp of the first sample.
    @inline(__always)
    static func firstTime(_ chunk: UnsafeRawPointer) -> Int64 {
        unsafe chunk.loadUnaligned(as: Int64.self)
    }

    /// The timestamp of the last sample, without unpacking the others.
    static func lastTime(_ chunk: UnsafeRawPointer) -> Int64 {
        let last = unsafe count(chunk) - 1
        let times = unsafe Times(chunk)
        let field = unsafe unpackedField(chunk + times.offset, last, width: times.width)
        if times.width == Int(ChunkLayout.rawTimes) { return Int64(bitPattern: field) }
        return unsafe firstTime(chunk)
            &+ (Int64(last) &* times.step &+ times.least &+ Int64(bitPattern: field)) &* times.unit
    }

    /// How a chunk's timestamps are packed, and where.
    struct Times {
        var offset: Int
        var width: Int
        var unit: Int64
        /// In units, as `least`.
        var step: Int64
        var least: Int64

        @inline(__always)
        init(_ chunk: UnsafeRawPointer) {
            let widths = unsafe Int(chunk.load(fromByteOffset: ChunkLayout.widths, as: UInt8.self))
            let exponent = unsafe Int(
                chunk.load(fromByteOffset: ChunkLayout.exponent, as: UInt8.self)
            )
            let mode = unsafe chunk.load(fromByteOffset: ChunkLayout.mode, as: UInt8.self)
            let jitter = ChunkLayout.headerBytes &+ (widths & 15) &+ (widths &>> 4)
            offset = jitter &+ (exponent &>> 4)
            width = unsafe Int(
                chunk.load(fromByteOffset: ChunkLayout.jitterWidth, as: UInt8.self)
            )
            unit = timeUnit((mode &>> 3) & 3)
            step = unsafe Int64(
                chunk.loadUnaligned(fromByteOffset: ChunkLayout.step, as: UInt32.self)
            )
            least = unsafe signed(chunk, jitter, width: exponent &>> 4)
        }
    }

    /// Unpacks a whole chunk into `columns` from place `start` on, where there is room for it.
    ///
    /// - Returns: The number of samples.
    @discardableResult
    static func decode(
        _ chunk: UnsafeRawPointer,
        into columns: borrowing SampleColumns,
        at start: Int
    ) -> Int {
        let count = unsafe count(chunk)
        precondition(start >= 0 && start + count <= columns.capacity)
        let times = unsafe UnsafeMutableRawPointer(columns.times + start)
        let bits = unsafe UnsafeMutableRawPointer(columns.bits + start)
        let values = unsafe decodeTimes(chunk, count, times, stride: 8)
        unsafe decodeValues(chunk, values, count, bits, stride: 8)
        return count
    }

    /// Unpacks a whole chunk as pairs of a timestamp and value bits, eight bytes each.
    ///
    /// - Returns: The number of samples, for which there is room at `pairs`.
    @discardableResult
    static func decode(_ chunk: UnsafeRawPointer, into pairs: UnsafeMutableRawPointer) -> Int {
        let count = unsafe count(chunk)
        let values = unsafe decodeTimes(chunk, count, pairs, stride: 16)
        unsafe decodeValues(chunk, values, count, pairs + 8, stride: 16)
        return count
    }

    /// False when no value can be a staleness marker: those are no decimals.
    @inline(__always)
    static func mayHoldMarkers(_ chunk: UnsafeRawPointer) -> Bool {
        let flags = unsafe chunk.load(fromByteOffset: ChunkLayout.mode, as: UInt8.self)
        let mode = flags & ChunkLayout.modeMask
        return mode == ChunkLayout.Mode.bits || mode == ChunkLayout.Mode.constant
    }

    /// Returns where the values begin.
    @inline(__always)
    private static func decodeTimes(
        _ chunk: UnsafeRawPointer,
        _ count: Int,
        _ times: UnsafeMutableRawPointer,
        stride: Int
    ) -> Int {
        let packed = unsafe Times(chunk)
        let section = unsafe chunk + packed.offset
        if packed.width == Int(ChunkLayout.rawTimes) {
            for index in 0..<count {
                let time = unsafe section.loadUnaligned(
                    fromByteOffset: index &* 8,
                    as: Int64.self
                )
                unsafe times.storeBytes(of: time, toByteOffset: index &* stride, as: Int64.self)
            }
            return packed.offset &+ count &* 8
        }
        let step = packed.step &* packed.unit
        var time = unsafe firstTime(chunk) &+ packed.least &* packed.unit
        if packed.width == 0 {
            for index in 0..<count {
                unsafe times.storeBytes(of: time, toByteOffset: index &* stride, as: Int64.self)
                time = time &+ step
            }
            return packed.offset
        }
        let mask = (1 as UInt64 &<< UInt64(packed.width)) &- 1
        var bit = 0
        for index in 0..<count {
            let word = unsafe section.loadUnaligned(fromByteOffset: bit &>> 3, as: UInt64.self)
            let jitter = Int64(bitPattern: (word &>> UInt64(bit & 7)) & mask)
            let exact = time &+ jitter &* packed.unit
            unsafe times.storeBytes(of: exact, toByteOffset: index &* stride, as: Int64.self)
            time = time &+ step
            bit = bit &+ packed.width
        }
        return packed.offset &+ (bit &+ 7) / 8
    }

    @inline(__always)
    static func signed(_ chunk: UnsafeRawPointer, _ offset: Int, width: Int) -> Int64 {
        guard width > 0 else { return 0 }
        let spare = Int64(64 &- 8 &* width)
        let word = unsafe chunk.loadUnaligned(fromByteOffset: offset, as: Int64.self)
        return (word &<< spare) &>> spare
    }

    @inline(__always)
    private static func decodeValues(
        _ chunk: UnsafeRawPointer,
        _ offset: Int,
        _ count: Int,
        _ bits: UnsafeMutableRawPointer,
        stride: Int
    ) {
        let flags = unsafe chunk.load(fromByteOffset: ChunkLayout.mode, as: UInt8.self)
        let mode = flags & ChunkLayout.modeMask
        let widths = unsafe Int(chunk.load(fromByteOffset: ChunkLayout.widths, as: UInt8.self))
        let base = unsafe signed(chunk, ChunkLayout.headerBytes, width: widths & 15)
        if mode == ChunkLayout.Mode.constant {
            for index in 0..<count {
                unsafe bits.storeBytes(of: base, toByteOffset: index &* stride, as: Int64.self)
            }
            return
        }
        let width = unsafe Int(chunk.load(fromByteOffset: ChunkLayout.valueWidth, as: UInt8.self))
        let shift = unsafe UInt64(chunk.load(fromByteOffset: ChunkLayout.shift, as: UInt8.self))
        let section = unsafe chunk + offset
        let fields: Int
        if flags & ChunkLayout.differenceFlag != 0 {
            let least = unsafe signed(
                chunk,
                ChunkLayout.headerBytes + widths & 15,
                width: widths >> 4
            )
            var integer = base
            unsafe bits.storeBytes(of: integer, as: Int64.self)
            for index in 1..<count {
                let field = unsafe unpackedField(section, index &- 1, width: width) &<< shift
                integer = integer &+ least &+ Int64(bitPattern: field)
                unsafe bits.storeBytes(of: integer, toByteOffset: index &* stride, as: Int64.self)
            }
            fields = count &- 1
        } else {
            for index in 0..<count {
                let field = unsafe unpackedField(section, index, width: width) &<< shift
                let integer = base &+ Int64(bitPattern: field)
                unsafe bits.storeBytes(of: integer, toByteOffset: index &* stride, as: Int64.self)
            }
            fields = count
        }
        guard mode != ChunkLayout.Mode.bits else { return }
        let exponent = unsafe Int(chunk.load(fromByteOffset: ChunkLayout.exponent, as: UInt8.self))
        let power = decimalPower(exponent & 15)
        for index in 0..<count {
            let place = unsafe bits + index &* stride
            let integer = unsafe place.load(as: Int64.self)
            // Dividing by one changes nothing, but takes its time.
            let value = exponent & 15 == 0 ? Double(integer) : Double(integer) / power
            unsafe place.storeBytes(of: value, as: Double.self)
        }
        guard mode == ChunkLayout.Mode.adjusted else { return }
        let corrections = unsafe section + (fields &* width &+ 7) / 8
        for index in 0..<count {
            let field = unsafe unpackedField(corrections, index, width: 2)
            let place = unsafe bits + index &* stride
            unsafe place.storeBytes(
                of: place.load(as: UInt64.self) &+ field &- 2,
                as: UInt64.self
            )
        }
    }
}
