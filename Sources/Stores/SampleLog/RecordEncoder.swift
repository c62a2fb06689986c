/// What a record of the log says.
package enum RecordKind {
    /// Samples that were taken.
    package static let samples: UInt8 = 1
    /// Series that were made.
    package static let series: UInt8 = 2
    /// Series that were given up, and whose numbers are free again.
    package static let removed: UInt8 = 3
}

/// Writes records of the log into one buffer, in the order in which things happened.
///
/// A record is `length u32, checksum u32, payload`; the length is the payload's, the checksum covers length and
/// payload and is seeded with the record's position. A payload begins with its `RecordKind`:
/// ```
/// samples: base time i64, then for each: control u8, [series], [time], value
///          control bits 0-3: bytes of the value (0...8), the others, its last ones, are zero
///                  bits 4-5: 0 the series of the sample before, 1 the next one, 2 its distance as a varint
///                  bit 6:    the distance to the time before as a varint follows; else the time is the same
///                  bit 7:    behind the value is the sample's start timestamp, i64; else it is as known
/// series:  for each: number u32, hash u64 u64, length varint, canonical label bytes
/// removed: for each: number u32
/// ```
/// Varints of distances are zigzag. A record may be padded by nothing: its entries fill it.
@safe
package struct RecordEncoder: ~Copyable {
    @usableFromInline var start: UnsafeMutableRawPointer
    @usableFromInline var capacity: Int
    @usableFromInline var cursor = 0
    @usableFromInline var series: UInt32 = 0
    @usableFromInline var time: Int64 = 0
    /// Where the open record began, and its kind; 0 when none is open.
    private var recordStart = 0
    private var openKind: UInt8 = 0
    /// The position in the log of the buffer's first byte.
    private var base: UInt64

    package static let headerBytes = 8
    /// Bytes of one sample at most.
    @usableFromInline static let sampleBytesMax = 1 + 5 + 10 + 8 + 8

    /// An empty buffer whose first byte will stand at `position` of the log.
    package init(position: UInt64) {
        base = position
        capacity = 64 << 10
        unsafe start = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit { unsafe start.deallocate() }

    package var isEmpty: Bool { cursor == 0 }

    /// Bytes in the buffer, those of an open record too.
    package var byteCount: Int { cursor }

    /// Where the buffer's last byte ends in the log.
    package var endPosition: UInt64 { base + UInt64(cursor) }

    /// Adds a sample that was taken.
    @inlinable @inline(__always)
    package mutating func add(series number: UInt32, time moment: Int64, bits: UInt64) {
        if capacity &- cursor < RecordEncoder.sampleBytesMax { grow(RecordEncoder.sampleBytesMax) }
        let control = cursor
        cursor &+= 1
        let zeros = bits.trailingZeroBitCount &>> 3
        var head = UInt8(truncatingIfNeeded: 8 &- zeros)
        if number == series &+ 1 {
            head |= 0x10
        } else if number != series {
            head |= 0x20
            let distance = Int64(number) &- Int64(series)
            put(varint: UInt64(bitPattern: (distance &<< 1) ^ (distance &>> 63)))
        }
        series = number
        if moment != time {
            head |= 0x40
            let distance = moment &- time
            put(varint: UInt64(bitPattern: (distance &<< 1) ^ (distance &>> 63)))
            time = moment
        }
        unsafe (start + cursor).storeBytes(
            of: bits &>> UInt64(8 &* (zeros & 7)),
            as: UInt64.self
        )
        cursor &+= 8 &- zeros
        unsafe (start + control).storeBytes(of: head, as: UInt8.self)
    }

    /// Adds a sample that was taken and whose start timestamp is not what its series' was known to be.
    ///
    /// - Parameters:
    ///   - number: The series.
    ///   - moment: The sample's time, milliseconds.
    ///   - bits: Of its value.
    ///   - sampleStart: Milliseconds; 0: it has none; `forgetsStarts`: nothing is known of the series' any more.
    package mutating func add(
        series number: UInt32,
        time moment: Int64,
        bits: UInt64,
        start sampleStart: Int64
    ) {
        if capacity &- cursor < RecordEncoder.sampleBytesMax { grow(RecordEncoder.sampleBytesMax) }
        let control = cursor
        add(series: number, time: moment, bits: bits)
        unsafe (start + control).storeBytes(
            of: (start + control).load(as: UInt8.self) | 0x80,
            as: UInt8.self
        )
        unsafe (start + cursor).storeBytes(of: sampleStart, as: Int64.self)
        cursor += 8
    }

    /// Stands for a start timestamp when all of the series' are forgotten.
    package static let forgetsStarts = Int64.min

    @inlinable @inline(__always)
    mutating func put(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            unsafe (start + cursor).storeBytes(
                of: UInt8(truncatingIfNeeded: rest) | 0x80,
                as: UInt8.self
            )
            cursor &+= 1
            rest &>>= 7
        }
        unsafe (start + cursor).storeBytes(of: UInt8(truncatingIfNeeded: rest), as: UInt8.self)
        cursor &+= 1
    }

    /// Begins a record of samples; `add` puts them into it, `finish` closes it.
    package mutating func beginSamples(near time: Int64) {
        open(RecordKind.samples)
        if capacity - cursor < 8 { grow(8) }
        unsafe (start + cursor).storeBytes(of: time, as: Int64.self)
        cursor += 8
        self.time = time
        series = 0
    }

    /// Adds a series that was made; `labels` are its canonical label bytes.
    package mutating func add(
        newSeries number: UInt32,
        hash: (UInt64, UInt64),
        labels: UnsafeRawBufferPointer
    ) {
        if openKind != RecordKind.series { open(RecordKind.series) }
        if capacity - cursor < 30 + labels.count { grow(30 + labels.count) }
        unsafe (start + cursor).storeBytes(of: number, as: UInt32.self)
        unsafe (start + cursor + 4).storeBytes(of: hash.0, as: UInt64.self)
        unsafe (start + cursor + 12).storeBytes(of: hash.1, as: UInt64.self)
        cursor += 20
        put(varint: UInt64(labels.count))
        if let bytes = labels.baseAddress {
            unsafe (start + cursor).copyMemory(from: bytes, byteCount: labels.count)
        }
        cursor += labels.count
    }

    /// Adds a series that was given up.
    package mutating func add(removed number: UInt32) {
        if openKind != RecordKind.removed { open(RecordKind.removed) }
        if capacity - cursor < 4 { grow(4) }
        unsafe (start + cursor).storeBytes(of: number, as: UInt32.self)
        cursor += 4
    }

    /// Closes the open record; one in which nothing was put is taken back.
    package mutating func finish() {
        guard openKind != 0 else { return }
        let payload = recordStart + RecordEncoder.headerBytes
        let isEmpty = cursor == payload + (openKind == RecordKind.samples ? 9 : 1)
        openKind = 0
        guard !isEmpty else {
            cursor = recordStart
            return
        }
        let length = UInt32(cursor - payload)
        unsafe (start + recordStart).storeBytes(of: length, as: UInt32.self)
        let checksum = unsafe RecordEncoder.checksum(
            UnsafeRawBufferPointer(start: start + payload, count: cursor - payload),
            position: base + UInt64(recordStart)
        )
        unsafe (start + recordStart).storeBytes(of: checksum, toByteOffset: 4, as: UInt32.self)
    }

    /// The complete records; valid within `body`.
    package func withRecords<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        precondition(openKind == 0, "a record is still open")
        return unsafe body(UnsafeRawBufferPointer(start: start, count: cursor))
    }

    /// Empties the buffer, whose first byte will stand at `position`.
    package mutating func clear(position: UInt64) {
        precondition(openKind == 0, "a record is still open")
        cursor = 0
        base = position
    }

    /// The checksum of a record that begins at `position`.
    package static func checksum(
        _ payload: UnsafeRawBufferPointer,
        position: UInt64
    ) -> UInt32 {
        let seed = UInt32(truncatingIfNeeded: position ^ (position >> 32)) ^ UInt32(payload.count)
        return unsafe Checksum.of(payload, seed: seed)
    }

    private mutating func open(_ kind: UInt8) {
        finish()
        if capacity - cursor < 16 { grow(16) }
        recordStart = cursor
        openKind = kind
        cursor += RecordEncoder.headerBytes
        unsafe (start + cursor).storeBytes(of: kind, as: UInt8.self)
        cursor += 1
    }

    @usableFromInline mutating func grow(_ more: Int) {
        let larger = max(capacity * 2, cursor + more + 64)
        let grown = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
        unsafe grown.copyMemory(from: start, byteCount: cursor)
        unsafe start.deallocate()
        unsafe start = grown
        capacity = larger
    }
}
