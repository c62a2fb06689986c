import CloudWatchIngest
import FirehoseIngest
import Model
import Timekeeping

/// What the fuzzer's rules read: statistics of both kinds, by name and by expression.
private let selection: PushSelection = {
    let selection = PushSelection(metricsMax: 100)
    let names = ["average", "sum", "minimum", "maximum", "sample_count", "p99", "pr_le_0_5"]
    var needs = names.map { name in
        SelectorNeed(
            matchers: [LabelMatcher(LabelSet.metricName, equals: "aws_rds_cpuutilization_\(name)")],
            reach: .seconds(300)
        )
    }
    if let any = try? LabelMatcher(LabelSet.metricName, .matches, "aws_.*") {
        needs.append(SelectorNeed(matchers: [any], reach: .seconds(300)))
    }
    selection.update(needs: needs)
    return selection
}()

/// A whole request, or one record by itself, becomes a batch whose entries are in order and complete; what is over a
/// limit is refused, and nothing is both counted as a point and left out of the count.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 0 else { return 0 }
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    let body = Array(input.dropFirst())
    let settings = FirehoseSettings(
        recordsMax: 20,
        recordBytesMax: 1 << 16,
        unpackedMax: 1 << 16,
        pointsMax: 200,
        dimensionsMax: 5
    )
    // The first byte says whether the rest is a request or a record of it.
    let records =
        input[0] & 1 == 0
        ? (try? FirehoseEnvelope(body.span, settings))?.records ?? [] : [body]
    precondition(records.count <= settings.recordsMax, "as many records as may be")
    let arrival = Timestamp(milliseconds: 1_700_000_000_000)
    guard
        let contents = try? FirehoseContents(
            records,
            settings,
            selection: selection,
            arrival: arrival
        )
    else { return 0 }
    precondition(contents.points <= settings.pointsMax, "as many points as may be")
    let refused = contents.refused.values.reduce(0) { $0 + $1.count }
    precondition(
        contents.unselected + refused + contents.records.count <= contents.points,
        "each point once"
    )
    precondition(contents.identities.count == contents.records.count, "one each")
    let batch = contents.batch
    var samples = 0
    for entry in batch.entries {
        precondition(entry.samples.lowerBound == samples && entry.samples.count == 1, "one each")
        samples += 1
        precondition(!entry.labels.isEmpty && entry.labels.upperBound <= batch.labelBytes.count)
    }
    precondition(samples == batch.timestamps.count && samples == batch.values.count, "columns")
    precondition(batch.values.allSatisfy(\.isFinite), "numbers")
    precondition(batch.timestamps.allSatisfy { $0 > 0 }, "times")
    return 0
}
