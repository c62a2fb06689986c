import Ingest
import WireFormats

/// What a page says about its metrics.
enum PageMetadata {
    /// Notes every metric's description; a page that cannot be read tells what is before the fault.
    static func note(_ page: Span<UInt8>, isOpenMetrics: Bool, in catalogue: MetadataCatalogue) {
        var found: [String: MetricMetadata] = [:]
        var order: [String] = []
        func change(_ range: Range<Int>, _ change: (inout MetricMetadata) -> Void) {
            let metric = WireText.repaired(page, range)
            if found[metric] == nil {
                order.append(metric)
                found[metric] = MetricMetadata(kind: .unknown, help: "", unit: "")
            }
            found[metric].map { old in
                var new = old
                change(&new)
                found[metric] = new
            }
        }
        var reader = ExpositionReader(page, isOpenMetrics: isOpenMetrics)
        reading: while let line = try? reader.next() {
            switch line {
            case .end: break reading
            case .sample:
                guard (try? reader.series()) != nil, (try? reader.value()) != nil else {
                    break reading
                }
            case .help(let metric, let text):
                let help = SeriesText.unescaped(WireText.repaired(page, text))
                change(metric) { $0.help = help }
            case .type(let metric, let kind): change(metric) { $0.kind = kind }
            case .unit(let metric, let text):
                let unit = WireText.repaired(page, text)
                change(metric) { $0.unit = unit }
            }
        }
        for metric in order { if let metadata = found[metric] { catalogue.note(metric, metadata) } }
    }
}
