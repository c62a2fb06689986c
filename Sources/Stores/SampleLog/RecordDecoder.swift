/// Samples of one record, in columns that are used again for the next.
@safe
package struct DecodedSamples: ~Copyable {
    package private(set) var series: UnsafeMutablePointer<UInt32>
    package private(set) var times: UnsafeMutablePointer<Int64>
    package private(set) var bits: UnsafeMutablePointer<UInt64>
    package fileprivate(set) var count = 0
    /// Start timestamps that came with samples, by the samples' places, in order.
    package fileprivate(set) var starts: [(place: Int, start: Int64)] = []
    private var capacity: Int

    package init() {
        capacity = 4096
        unsafe series = .allocate(capacity: capacity)
        unsafe times = .allocate(capacity: capacity)
        unsafe bits = .allocate(capacity: capacity)
    }

    deinit {
        unsafe series.deallocate()
        unsafe times.deallocate()
        unsafe bits.deallocate()
    }

    /// Makes room for `wanted` samples and forgets those there are.
    fileprivate mutating func prepare(_ wanted: Int) {
        count = 0
        starts.removeAll(keepingCapacity: true)
        guard wanted > capacity else { return }
        unsafe series.deallocate()
        unsafe times.deallocate()
        unsafe bits.deallocate()
        capacity = wanted
        unsafe series = .allocate(capacity: capacity)
        unsafe times = .allocate(capacity: capacity)
        unsafe bits = .allocate(capacity: capacity)
    }
}

/// Reads payloads of records; bytes may be anything.
package enum RecordDecoder {
    /// Bytes behind a payload that must be readable, whatever they are.
    package static let tailBytes = 32

    /// Unpacks a record of samples; false when it is not one.
    ///
    /// - Parameters:
    ///   - payload: The payload, its kind first; `tailBytes` more can be read behind it.
    ///   - samples: Overwritten; its contents are undefined when false is given.
    /// - Returns: Whether it was read.
    package static func samples(
        _ payload: UnsafeRawBufferPointer,
        into samples: inout DecodedSamples
    ) -> Bool {
        guard payload.count >= 9, unsafe payload[0] == RecordKind.samples else { return false }
        // Each sample takes a byte at least.
        samples.prepare(payload.count)
        let start = unsafe payload.baseAddress.unsafelyUnwrapped
        let end = payload.count
        var time = unsafe start.loadUnaligned(fromByteOffset: 1, as: Int64.self)
        var series: UInt32 = 0
        var cursor = 9
        var count = 0
        let (numbers, times, bits) = unsafe (samples.series, samples.times, samples.bits)
        while cursor < end {
            let control = unsafe start.load(fromByteOffset: cursor, as: UInt8.self)
            cursor &+= 1
            switch control & 0x30 {
            case 0: break
            case 0x10: series &+= 1
            case 0x20:
                let distance = unsafe varint(start, &cursor)
                series &+= UInt32(truncatingIfNeeded: distance)
            default: return false
            }
            if control & 0x40 != 0 { time &+= unsafe varint(start, &cursor) }
            let length = Int(control & 0x0f)
            // Up to here a sample is 24 bytes at most, so no more than `tailBytes` were read past the end.
            guard length <= 8, cursor &+ length <= end else { return false }
            let word = unsafe start.loadUnaligned(fromByteOffset: cursor, as: UInt64.self)
            cursor &+= length
            if control & 0x80 != 0 {
                guard cursor &+ 8 <= end else { return false }
                let start = unsafe start.loadUnaligned(fromByteOffset: cursor, as: Int64.self)
                samples.starts.append((count, start))
                cursor &+= 8
            }
            unsafe numbers[count] = series
            unsafe times[count] = time
            unsafe bits[count] = length == 0 ? 0 : word &<< UInt64(64 &- 8 &* length)
            count &+= 1
        }
        samples.count = count
        return true
    }

    /// A zigzag varint of at most ten bytes.
    @inline(__always)
    private static func varint(_ start: UnsafeRawPointer, _ cursor: inout Int) -> Int64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while shift < 70 {
            let byte = unsafe start.load(fromByteOffset: cursor, as: UInt8.self)
            cursor &+= 1
            value |= UInt64(byte & 0x7f) &<< (shift & 63)
            if byte < 0x80 { break }
            shift &+= 7
        }
        return Int64(bitPattern: (value &>> 1) ^ (0 &- (value & 1)))
    }

    /// Gives each series of a record to `body`; false when it is not such a record.
    package static func series(
        _ payload: UnsafeRawBufferPointer,
        _ body: (_ number: UInt32, _ hash: (UInt64, UInt64), _ labels: UnsafeRawBufferPointer) ->
            Void
    ) -> Bool {
        guard payload.count > 1, unsafe payload[0] == RecordKind.series else { return false }
        var cursor = 1
        while cursor < payload.count {
            guard payload.count - cursor >= 21 else { return false }
            let number = unsafe payload.loadUnaligned(fromByteOffset: cursor, as: UInt32.self)
            let hash = unsafe (
                payload.loadUnaligned(fromByteOffset: cursor + 4, as: UInt64.self),
                payload.loadUnaligned(fromByteOffset: cursor + 12, as: UInt64.self)
            )
            cursor += 20
            var length = 0
            var shift = 0
            while true {
                guard cursor < payload.count, shift < 35 else { return false }
                let byte = unsafe payload[cursor]
                cursor += 1
                length |= Int(byte & 0x7f) << shift
                if byte < 0x80 { break }
                shift += 7
            }
            guard length <= payload.count - cursor else { return false }
            unsafe body(
                number,
                hash,
                UnsafeRawBufferPointer(rebasing: payload[cursor..<(cursor + length)])
            )
            cursor += length
        }
        return true
    }

    /// Numbers of the series that a record says were given up; nil when it is not such a record.
    package static func removed(_ payload: UnsafeRawBufferPointer) -> [UInt32]? {
        guard payload.count > 1, (payload.count - 1) % 4 == 0,
            unsafe payload[0] == RecordKind.removed
        else { return nil }
        return (0..<(payload.count - 1) / 4).map {
            unsafe payload.loadUnaligned(fromByteOffset: 1 + 4 * $0, as: UInt32.self)
        }
    }
}
