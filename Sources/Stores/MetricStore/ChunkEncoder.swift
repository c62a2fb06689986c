/// Packs samples into the bytes of `ChunkLayout`.
///
/// Decoding gives the same timestamps and the same value bits, always: whatever does not fit the tighter forms
/// is stored as it is, and the result is decoded and compared before it is used.
@safe
struct ChunkEncoder: ~Copyable {
    /// Values as integers.
    private let integers: UnsafeMutablePointer<Int64>
    /// Corrections of the adjusted mode, 0...3.
    private let corrections: UnsafeMutablePointer<UInt8>
    private let decoded = SampleColumns(capacity: ChunkLayout.countMax)
    /// The packed chunk; `bytesMax` long.
    let output: UnsafeMutableRawPointer

    init() {
        unsafe integers = .allocate(capacity: ChunkLayout.countMax)
        unsafe integers.initialize(repeating: 0, count: ChunkLayout.countMax)
        unsafe corrections = .allocate(capacity: ChunkLayout.countMax)
        unsafe corrections.initialize(repeating: 0, count: ChunkLayout.countMax)
        unsafe output = .allocate(byteCount: ChunkLayout.bytesMax, alignment: 16)
        unsafe output.initializeMemory(as: UInt8.self, repeating: 0, count: ChunkLayout.bytesMax)
    }

    deinit {
        unsafe integers.deallocate()
        unsafe corrections.deallocate()
        unsafe output.deallocate()
    }

    /// Packs samples into `output`.
    ///
    /// - Parameters:
    ///   - samples: The columns.
    ///   - start: The first sample.
    ///   - count: 1...`countMax`; timestamps are increasing.
    ///   - exponent: The decimal exponent that fitted the series last; updated.
    /// - Returns: Bytes used, without the tail that must follow.
    func encode(
        _ samples: borrowing SampleColumns,
        from start: Int,
        count: Int,
        exponent: inout UInt8
    ) -> Int {
        precondition(count > 0 && count <= ChunkLayout.countMax)
        precondition(start >= 0 && start + count <= samples.capacity)
        let times = unsafe UnsafePointer(samples.times + start)
        let bits = unsafe UnsafePointer(samples.bits + start)
        let mode = unsafe chooseMode(bits, count, &exponent)
        let length = unsafe write(times, bits, count, mode, exponent, rawTimes: false)
        if unsafe decodesTo(times, bits, count) { return length }
        return unsafe write(times, bits, count, ChunkLayout.Mode.bits, 0, rawTimes: true)
    }

    private func decodesTo(
        _ times: UnsafePointer<Int64>,
        _ bits: UnsafePointer<UInt64>,
        _ count: Int
    ) -> Bool {
        unsafe ChunkDecoder.decode(output, into: decoded, at: 0)
        var difference: UInt64 = 0
        for index in 0..<count {
            unsafe difference |= UInt64(bitPattern: decoded.times[index] ^ times[index])
            unsafe difference |= decoded.bits[index] ^ bits[index]
        }
        return difference == 0
    }

    // MARK: Values to integers

    private func chooseMode(
        _ bits: UnsafePointer<UInt64>,
        _ count: Int,
        _ exponent: inout UInt8
    ) -> UInt8 {
        var difference: UInt64 = 0
        for index in 1..<max(count, 1) { unsafe difference |= bits[index] ^ bits[0] }
        if difference == 0 { return ChunkLayout.Mode.constant }
        let last = min(Int(exponent), ChunkLayout.exponentMax)
        if unsafe fillDecimal(bits, count, last) {
            exponent = UInt8(reduced(last, count))
            return ChunkLayout.Mode.decimal
        }
        for candidate in 0...ChunkLayout.exponentMax where candidate != last {
            if unsafe fillDecimal(bits, count, candidate) {
                exponent = UInt8(candidate)
                return ChunkLayout.Mode.decimal
            }
        }
        if unsafe fillAdjusted(bits, count, last) { return ChunkLayout.Mode.adjusted }
        for candidate in 0...ChunkLayout.exponentMax where candidate != last {
            if unsafe fillAdjusted(bits, count, candidate) {
                exponent = UInt8(candidate)
                return ChunkLayout.Mode.adjusted
            }
        }
        for index in 0..<count { unsafe integers[index] = Int64(bitPattern: bits[index]) }
        return ChunkLayout.Mode.bits
    }

    /// The nearest integer, for magnitudes below 2^51; anything else, NaN too, gives nil.
    @inline(__always)
    private func nearest(_ value: Double) -> Int64? {
        // Adding 1.5 * 2^52 leaves the integer in the low bits of the significand.
        let magic = 0x1.8p52
        guard value.magnitude < 0x1p51 else { return nil }
        return Int64(bitPattern: (value + magic).bitPattern) &- Int64(bitPattern: magic.bitPattern)
    }

    private func fillDecimal(
        _ bits: UnsafePointer<UInt64>,
        _ count: Int,
        _ exponent: Int
    ) -> Bool {
        let power = decimalPower(exponent)
        for index in 0..<count {
            let value = unsafe Double(bitPattern: bits[index])
            guard let integer = nearest(value * power),
                unsafe (Double(integer) / power).bitPattern == bits[index]
            else { return false }
            unsafe integers[index] = integer
        }
        return true
    }

    private func fillAdjusted(
        _ bits: UnsafePointer<UInt64>,
        _ count: Int,
        _ exponent: Int
    ) -> Bool {
        let power = decimalPower(exponent)
        for index in 0..<count {
            let value = unsafe Double(bitPattern: bits[index])
            guard let integer = nearest(value * power) else { return false }
            let correction = unsafe bits[index] &- (Double(integer) / power).bitPattern &+ 2
            guard correction <= 3 else { return false }
            unsafe integers[index] = integer
            unsafe corrections[index] = UInt8(correction)
        }
        return true
    }

    /// Drops decimal zeros that all integers end in.
    private func reduced(_ exponent: Int, _ count: Int) -> Int {
        var exponent = exponent
        while exponent > 0 {
            for index in 0..<count where unsafe integers[index] % 10 != 0 { return exponent }
            for index in 0..<count { unsafe integers[index] /= 10 }
            exponent -= 1
        }
        return exponent
    }

    // MARK: Writing

    /// How the integers are packed.
    private struct Packing {
        var isDifference: Bool
        var least: Int64
        var shift: Int
        /// 0...57 or 64.
        var width: Int
    }

    private func packing(_ count: Int) -> Packing {
        var (least, most) = unsafe (integers[0], integers[0])
        var (leastStep, mostStep) = (Int64.max, Int64.min)
        for index in 1..<count {
            let integer = unsafe integers[index]
            least = min(least, integer)
            most = max(most, integer)
            let step = unsafe integer &- integers[index - 1]
            leastStep = min(leastStep, step)
            mostStep = max(mostStep, step)
        }
        var (usedBits, usedStepBits) = (0 as UInt64, 0 as UInt64)
        for index in 0..<count {
            unsafe usedBits |= UInt64(bitPattern: integers[index] &- least)
            guard index > 0 else { continue }
            unsafe usedStepBits |=
                UInt64(bitPattern: integers[index] &- integers[index - 1] &- leastStep)
        }
        let plain = Packing(
            isDifference: false,
            least: least,
            shift: usedBits == 0 ? 0 : usedBits.trailingZeroBitCount,
            width: width(UInt64(bitPattern: most &- least), usedBits)
        )
        let steps = Packing(
            isDifference: true,
            least: leastStep,
            shift: usedStepBits == 0 ? 0 : usedStepBits.trailingZeroBitCount,
            width: width(UInt64(bitPattern: mostStep &- leastStep), usedStepBits)
        )
        let stepBits = (count - 1) * steps.width + 8 * byteWidth(leastStep)
        return stepBits < count * plain.width ? steps : plain
    }

    private func width(_ range: UInt64, _ used: UInt64) -> Int {
        guard used != 0 else { return 0 }
        let width = 64 - (range >> UInt64(used.trailingZeroBitCount)).leadingZeroBitCount
        return width > ChunkLayout.packedWidthMax ? 64 : width
    }

    /// Bytes that hold a number with its sign.
    private func byteWidth(_ value: Int64) -> Int {
        let magnitude = UInt64(bitPattern: value < 0 ? ~value : value)
        return value == 0 ? 0 : (64 - magnitude.leadingZeroBitCount) / 8 + 1
    }

    private func write(
        _ times: UnsafePointer<Int64>,
        _ bits: UnsafePointer<UInt64>,
        _ count: Int,
        _ mode: UInt8,
        _ exponent: UInt8,
        rawTimes: Bool
    ) -> Int {
        var packing = Packing(isDifference: false, least: 0, shift: 0, width: 0)
        var base = unsafe Int64(bitPattern: bits[0])
        if mode != ChunkLayout.Mode.constant {
            if rawTimes {
                for index in 0..<count { unsafe integers[index] = Int64(bitPattern: bits[index]) }
            }
            packing = self.packing(count)
            base = packing.isDifference ? unsafe integers[0] : packing.least
        }
        let baseWidth = byteWidth(base)
        let leastWidth = packing.isDifference ? byteWidth(packing.least) : 0
        let stepping = unsafe stepping(times, count, raw: rawTimes)
        let jitterWidth = byteWidth(stepping.least)
        unsafe output.storeBytes(of: times[0], as: Int64.self)
        unsafe output.storeBytes(
            of: UInt32(stepping.step),
            toByteOffset: ChunkLayout.step,
            as: UInt32.self
        )
        store(UInt8(count), ChunkLayout.count)
        store(stepping.width, ChunkLayout.jitterWidth)
        let difference = packing.isDifference ? ChunkLayout.differenceFlag : 0
        store(mode | difference | stepping.unit << 3, ChunkLayout.mode)
        store(UInt8(packing.width), ChunkLayout.valueWidth)
        store(exponent | UInt8(jitterWidth) << 4, ChunkLayout.exponent)
        store(UInt8(packing.shift), ChunkLayout.shift)
        store(UInt8(baseWidth | leastWidth << 4), ChunkLayout.widths)
        var cursor = ChunkLayout.headerBytes
        unsafe output.storeBytes(of: base, toByteOffset: cursor, as: Int64.self)
        cursor += baseWidth
        unsafe output.storeBytes(of: packing.least, toByteOffset: cursor, as: Int64.self)
        cursor += leastWidth
        unsafe output.storeBytes(of: stepping.least, toByteOffset: cursor, as: Int64.self)
        cursor += jitterWidth
        cursor += unsafe writeTimes(times, count, stepping, at: cursor)
        guard mode != ChunkLayout.Mode.constant else { return cursor }
        return cursor + writeValues(count, mode, packing, at: cursor)
    }

    private func store(_ byte: UInt8, _ offset: Int) {
        unsafe output.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
    }

    /// How timestamps are packed: each is the first, plus a number of steps, plus a jitter.
    private struct Stepping {
        var unit: UInt8 = 0
        var step: Int64 = 0
        var least: Int64 = 0
        var width: UInt8 = ChunkLayout.rawTimes
    }

    private func stepping(
        _ times: UnsafePointer<Int64>,
        _ count: Int,
        raw: Bool
    ) -> Stepping {
        guard !raw else { return Stepping() }
        var best = unsafe stepping(times, count, unit: 0)
        // A series without a gap has no jitter in any unit; otherwise the coarsest that divides all is best.
        var unit: UInt8 = 2
        while unit > 0, best.width > 0 {
            let length = timeUnit(unit)
            var index = 1
            while index < count, unsafe (times[index] &- times[0]) % length == 0 { index += 1 }
            if index >= count {
                best = unsafe stepping(times, count, unit: unit)
                break
            }
            unit -= 1
        }
        return best
    }

    private func stepping(
        _ times: UnsafePointer<Int64>,
        _ count: Int,
        unit: UInt8
    ) -> Stepping {
        let length = timeUnit(unit)
        let span = unsafe (times[count - 1] &- times[0]) / length
        let step = count > 1 ? span / Int64(count - 1) : 0
        var (least, most) = (0 as Int64, 0 as Int64)
        for index in 0..<count {
            let jitter = unsafe (times[index] &- times[0]) / length &- Int64(index) &* step
            least = min(least, jitter)
            most = max(most, jitter)
        }
        let width = 64 - UInt64(bitPattern: most &- least).leadingZeroBitCount
        guard span >= 0, step <= Int64(UInt32.max), width <= ChunkLayout.packedWidthMax else {
            return Stepping()
        }
        return Stepping(unit: unit, step: step, least: least, width: UInt8(width))
    }

    private func writeTimes(
        _ times: UnsafePointer<Int64>,
        _ count: Int,
        _ stepping: Stepping,
        at cursor: Int
    ) -> Int {
        var packer = unsafe BitPacker(at: output + cursor)
        if stepping.width == ChunkLayout.rawTimes {
            for index in 0..<count {
                unsafe packer.append(UInt64(bitPattern: times[index]), width: 64)
            }
        } else if stepping.width > 0 {
            let length = timeUnit(stepping.unit)
            for index in 0..<count {
                let jitter =
                    unsafe (times[index] &- times[0]) / length &- Int64(index) &* stepping.step
                    &- stepping.least
                packer.append(UInt64(bitPattern: jitter), width: UInt64(stepping.width))
            }
            packer.align()
        }
        return packer.byteCount
    }

    private func writeValues(
        _ count: Int,
        _ mode: UInt8,
        _ packing: Packing,
        at cursor: Int
    ) -> Int {
        var packer = unsafe BitPacker(at: output + cursor)
        let width = UInt64(packing.width)
        let shift = UInt64(packing.shift)
        if packing.width > 0 {
            for index in (packing.isDifference ? 1 : 0)..<count {
                let from = packing.isDifference ? unsafe integers[index - 1] : 0
                let field = unsafe integers[index] &- from &- packing.least
                packer.append(UInt64(bitPattern: field) >> shift, width: width)
            }
            packer.align()
        }
        if mode == ChunkLayout.Mode.adjusted {
            for index in 0..<count { unsafe packer.append(UInt64(corrections[index]), width: 2) }
            packer.align()
        }
        return packer.byteCount
    }
}
