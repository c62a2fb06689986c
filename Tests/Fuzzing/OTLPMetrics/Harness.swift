import Model
import OTLPIngest
import WireFormats

/// A request of either encoding that can be read becomes a batch whose entries are in order and complete, and no more
/// points are rejected than there were.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 0 else { return 0 }
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    let body = Array(input.dropFirst())
    guard
        let request = input[0] & 1 == 0
            ? try? OTLPMetricsDecoder.decode(body.span) : try? OTLPMetricsJSON.decode(body.span)
    else { return 0 }
    let translation = OTLPTranslation(request, promoted: ["a"])
    precondition(translation.rejected <= translation.points, "no more is rejected than was sent")
    let batch = translation.batch
    var samples = 0
    for entry in batch.entries {
        precondition(entry.samples.lowerBound == samples && entry.samples.count == 1, "one each")
        samples += 1
        precondition(!entry.labels.isEmpty && entry.labels.upperBound <= batch.labelBytes.count)
    }
    precondition(samples == batch.timestamps.count && samples == batch.values.count, "columns")
    for delta in translation.deltas {
        precondition(delta.entries.upperBound <= batch.entries.count, "deltas lie in the batch")
    }
    return 0
}
