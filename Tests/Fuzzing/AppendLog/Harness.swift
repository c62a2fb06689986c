import SampleLog
import StoreTestSupport

private let identity: UInt64 = 7

/// Reads each payload in every way there is.
private func decode(_ payload: UnsafeRawBufferPointer, _ samples: inout DecodedSamples) -> Bool {
    var understood = 0
    if unsafe RecordDecoder.samples(payload, into: &samples) {
        precondition(samples.count <= payload.count, "a sample takes a byte")
        understood += 1
    }
    var bytes = 0
    if unsafe RecordDecoder.series(payload, { _, _, labels in bytes += labels.count }) {
        precondition(bytes < payload.count, "labels lie in the record")
        understood += 1
    }
    if let removed = unsafe RecordDecoder.removed(payload) {
        precondition(removed.count * 4 < payload.count, "numbers lie in the record")
        understood += 1
    }
    precondition(understood <= 1, "a record has one kind")
    return understood == 1
}

/// A segment of which the input is the payloads, with lengths and checksums that are right until one is not.
private func segment(_ input: [UInt8]) -> [UInt8] {
    var bytes = SegmentHeader(base: 0, previousEnd: 0, durable: 0, identity: identity, shard: 0)
        .encoded
    var cursor = 0
    while cursor < input.count {
        let length = min(Int(input[cursor]), input.count - cursor - 1)
        let payload = Array(input[(cursor + 1)..<(cursor + 1 + length)])
        let position = UInt64(bytes.count - SegmentHeader.byteCount)
        let checksum = unsafe payload.withUnsafeBytes {
            unsafe RecordEncoder.checksum($0, position: position)
        }
        unsafe withUnsafeBytes(of: UInt32(length)) { unsafe bytes.append(contentsOf: $0) }
        unsafe withUnsafeBytes(of: checksum) { unsafe bytes.append(contentsOf: $0) }
        bytes += payload
        cursor += 1 + length
    }
    return bytes
}

/// Whatever is in a log or a snapshot, reading it ends, and what was cut is gone the second time.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 0 else { return 0 }
    let input = unsafe Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
    var samples = DecodedSamples()
    let files = FaultyFiles()
    switch unsafe start[0] % 3 {
    case 0: files.overwrite("log/\(LogFileName.segment(0))", input)
    case 1: files.overwrite("log/\(LogFileName.segment(0))", segment(input))
    default:
        let header = SnapshotHeader(identity: identity, shard: 0, start: 0, layout: [1, 2])
        files.overwrite("log/a.snapshot", header.encoded + input)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { unsafe memory.deallocate() }
        guard
            let reader = try? SnapshotReader("log/a.snapshot", files, identity: identity, shard: 0)
        else { return 0 }
        while let section = try? reader.next({ $0.length <= 1 << 20 ? unsafe memory : nil }) {
            precondition(section.length <= 1 << 20, "no longer than there was room for")
        }
        return 0
    }
    for round in 0..<2 {
        let reader = LogReader(files: files, folder: "log", identity: identity, cutsDamage: false)
        let reading = unsafe try? reader.read(from: 0) { payload, _ in
            unsafe decode(payload, &samples)
        }
        guard let reading else { return 0 }
        precondition(reading.bytesRead <= input.count * 16 + 64, "no more than there is")
        if round == 1 { precondition(reading.cut == nil, "what was torn is gone") }
    }
    return 0
}
