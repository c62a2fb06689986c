import Model
import RemoteWriteIngest
import WireFormats

/// Reads an entry's labels; each must be a name and then a value.
private func check(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(WireFormatError) {
    var reader = ProtobufReader(bytes, in: range)
    while try reader.tag() != nil {
        var label = ProtobufReader(bytes, in: try reader.delimited())
        for field in 1...2 {
            let tag = try label.tag()
            precondition(tag?.field == field, "a label is a name and a value")
            _ = try label.delimited()
        }
        let isAtEnd = label.isAtEnd
        precondition(isAtEnd, "a label is nothing else")
    }
}

/// A request that decodes has its entries in order, its samples complete and its labels readable.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    guard let request = try? WriteRequestDecoder.decode(input) else { return 0 }
    let batch = request.batch
    var samples = 0
    for entry in batch.entries {
        precondition(entry.samples.lowerBound == samples, "samples follow each other")
        precondition(!entry.samples.isEmpty, "no series without samples")
        samples = entry.samples.upperBound
        let isReadable = (try? check(batch.labelBytes.span, entry.labels)) != nil
        precondition(isReadable, "labels of a decoded request can be read")
    }
    precondition(samples == batch.timestamps.count && samples == batch.values.count, "columns")
    return 0
}
