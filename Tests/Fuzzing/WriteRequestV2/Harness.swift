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

/// A request that decodes has its entries in order, its columns equally long and its labels readable and within limits.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    let limit = 1 << 16
    guard let request = try? WriteRequestV2Decoder.decode(input, labelBytesMax: limit) else {
        return 0
    }
    let batch = request.batch
    precondition(batch.labelBytes.count <= limit, "labels stay within their limit")
    var samples = 0
    var labels = 0
    for entry in batch.entries {
        precondition(entry.samples.lowerBound == samples, "samples follow each other")
        precondition(!entry.samples.isEmpty, "no series without samples")
        precondition(entry.labels.lowerBound == labels, "labels follow each other")
        samples = entry.samples.upperBound
        labels = entry.labels.upperBound
        let isReadable = (try? check(batch.labelBytes.span, entry.labels)) != nil
        precondition(isReadable, "labels of a decoded request can be read")
    }
    precondition(labels == batch.labelBytes.count, "no labels without a series")
    precondition(samples == batch.timestamps.count && samples == batch.values.count, "columns")
    precondition(batch.starts.isEmpty || batch.starts.count == samples, "starts")
    precondition((request.faults.series == 0) == (request.faults.first == nil), "faults are told")
    return 0
}
