import Ingest
import Model
import ScrapeIngest
import Telemetry

/// A page is read in either format: every series that is passed lies within the page and can be read again by
/// itself, in the same length.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 0 else { return 0 }
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    let isOpenMetrics = input[0] & 1 == 1
    let page = Array(input.dropFirst())
    do throws(ExpositionError) {
        try read(page.span, isOpenMetrics)
    } catch {
        precondition(error.line >= 1 && !error.description.isEmpty, "an error says where")
    }
    return 0
}

private func read(_ page: Span<UInt8>, _ isOpenMetrics: Bool) throws(ExpositionError) {
    var reader = ExpositionReader(page, isOpenMetrics: isOpenMetrics)
    while true {
        let before = reader.offset
        switch try reader.next() {
        case .end:
            precondition(reader.offset == page.count, "the end is the end")
            return
        case .help(let metric, let text), .unit(let metric, let text):
            precondition(
                !metric.isEmpty && text.upperBound <= page.count,
                "a description is within"
            )
        case .type(let metric, _): precondition(!metric.isEmpty, "a description names its metric")
        case .sample:
            var labels = 0
            let series = try reader.series { name, value in
                precondition(
                    !name.isEmpty && value.lowerBound > name.upperBound,
                    "name, then value"
                )
                labels += 1
            }
            precondition(!series.isEmpty && series.upperBound <= page.count, "a series is within")
            var again = ExpositionReader(page.extracting(series), isOpenMetrics: isOpenMetrics)
            precondition(try again.next() == .sample, "a series alone is one")
            var labelsAgain = 0
            let length = try again.series { _, _ in labelsAgain += 1 }.count
            precondition(
                length == series.count && labelsAgain == labels,
                "read again it is the same"
            )
            let (value, _) = try reader.value()
            precondition(!Staleness.isMarker(value), "no page can end a series")
        }
        precondition(reader.offset > before, "every line takes something")
    }
}
