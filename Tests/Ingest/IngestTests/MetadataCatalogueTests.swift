import Ingest
import Telemetry
import Testing

@Suite struct MetadataCatalogueTests {
    @Test func eachLimitRefusesTheNewKeepsTheOldAndCounts() {
        var limits = MetadataCatalogue.Limits()
        limits.metricsMax = 2
        limits.perMetricMax = 1
        limits.textBytesMax = 5
        limits.nameBytesMax = 3
        let metrics = MetricsRegistry()
        let catalogue = MetadataCatalogue(limits: limits, metrics: metrics)
        let gauge = MetricMetadata(kind: .gauge, help: "zwölf", unit: "s")
        catalogue.note("a", gauge)
        catalogue.note("a", gauge)
        catalogue.note("a", MetricMetadata(kind: .counter, help: "", unit: ""))
        catalogue.note("long", gauge)
        catalogue.note("b", gauge)
        catalogue.note("c", gauge)
        let cut = MetricMetadata(kind: .gauge, help: "zwöl", unit: "s")
        #expect(catalogue.descriptions().map(\.metric) == ["a", "b"])
        #expect(catalogue.descriptions().map(\.metadata) == [[cut], [cut]])
        #expect(catalogue.descriptions(of: "c").isEmpty)
        #expect(metrics.counter("tocsin_metadata_refused", help: "", labels: []).value == 3)
    }
}
