import Dispatch
import Foundation
import HTTPServer
import Ingest
import LogStore
import MetricStore
import Model
import RemoteWriteIngest
import Synchronization
import Telemetry
import Testing
import Timekeeping

/// Prometheus itself scrapes a page of known values and writes them here.
@Suite struct PrometheusTests {
    /// Lets batches through and says when one has come.
    private final class Watched: SampleAdmitting {
        private let admission: Admission
        let came = DispatchSemaphore(value: 0)

        init(_ admission: Admission) { self.admission = admission }

        func admit(_ batch: SampleBatch, from source: String) -> AdmissionOutcome {
            defer { came.signal() }
            return admission.admit(batch, from: source)
        }
    }

    private static func page(scrape: Int) -> String {
        """
        # TYPE shop_orders_total counter
        shop_orders_total{city="Київ",path="a\\"b\\\\c"} \(scrape)
        # TYPE shop_load gauge
        shop_load 0.1
        shop_none NaN
        shop_much +Inf
        shop_zero 0
        \(scrape == 1 ? "shop_gone 7" : "")

        """
    }

    @Test func itsSamplesArriveBitForBit() throws {
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/prometheus") else {
            print("skip: /usr/bin/prometheus is absent; apt-get install prometheus")
            return
        }
        let clock = SystemClock()
        let metrics = MetricsRegistry()
        let store = MetricStore(clock: clock, metrics: metrics)
        store.start()
        defer { store.stop() }
        let sources = SourceRegistry(clock: clock, metrics: metrics)
        let watched = Watched(
            Admission(
                samples: store,
                records: LogStore(clock: clock, metrics: metrics),
                logMetrics: LogMetrics(clock: clock, metrics: metrics, log: .silent),
                sources: sources,
                clock: clock
            )
        )
        let scrapes = Mutex(0)
        let server = HTTPServer(
            settings: HTTPServerSettings(listen: "127.0.0.1:0"),
            routes: [
                RemoteWriteHandler(
                    admission: watched,
                    sources: sources,
                    catalogue: MetadataCatalogue(metrics: metrics),
                    metrics: metrics
                ).route,
                HTTPRoute(
                    "GET",
                    "/metrics",
                    .inline { _ in
                        let scrape = scrapes.withLock { count in
                            count += 1
                            return count
                        }
                        return HTTPResponse(
                            status: 200,
                            contentType: "text/plain; version=0.0.4",
                            Self.page(scrape: scrape)
                        )
                    }
                ),
            ],
            log: .silent,
            metrics: metrics
        )
        try server.start()
        defer { server.stop(drain: .seconds(1)) }
        let prometheus = try start(port: server.port)
        defer {
            prometheus.process.terminate()
            prometheus.process.waitUntilExit()
            try? FileManager.default.removeItem(at: prometheus.folder)
        }

        func samples(_ name: String) throws -> [SeriesSamples] {
            let now = clock.now()
            return try store.select(
                SeriesSelection(
                    matchers: [LabelMatcher("__name__", equals: name)],
                    range: TimeRange(after: now - .seconds(300), through: now + .seconds(60))
                ),
                sampleLimit: 10000
            )
        }
        let limit = DispatchTime.now() + .seconds(60)
        var gone: [Sample] = []
        while gone.count < 2, watched.came.wait(timeout: limit) == .success {
            gone = try samples("shop_gone").first?.samples ?? []
        }
        #expect(gone.first?.value == 7)
        #expect(gone.count == 2 && Staleness.isMarker(gone[1].value))
        let orders = try samples("shop_orders_total")
        #expect(
            orders.map(\.labels) == [
                [
                    "__name__": "shop_orders_total", "city": "Київ", "path": "a\"b\\c",
                    "job": "shop", "instance": "127.0.0.1:\(server.port)",
                ]
            ]
        )
        #expect(orders.first?.samples.first?.value == 1)
        #expect(try samples("shop_load").first?.samples.first?.value == 0.1)
        #expect(try samples("shop_none").first?.samples.first?.value.isNaN == true)
        #expect(
            try samples("shop_none").first?.samples.first.map { Staleness.isMarker($0.value) }
                == false
        )
        #expect(try samples("shop_much").first?.samples.first?.value == .infinity)
        #expect(try samples("shop_zero").first?.samples.first?.value == 0)
        #expect(try samples("up").first?.samples.first?.value == 1)
        let status = sources.statuses.first { $0.name == RemoteWriteHandler.source }
        #expect(status?.refused == [:])
        #expect(status?.advice == "")
    }

    private func start(port: UInt16) throws -> (process: Process, folder: URL) {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "tocsin-test-\(UUID().uuidString)"
        )
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let configuration = """
            global: {scrape_interval: 1s, scrape_timeout: 1s}
            scrape_configs:
              - job_name: shop
                static_configs: [{targets: ["127.0.0.1:\(port)"]}]
            remote_write:
              - url: http://127.0.0.1:\(port)/api/v1/write
                queue_config: {batch_send_deadline: 100ms}
            """
        let file = folder.appending(path: "prometheus.yml")
        try Data(configuration.utf8).write(to: file)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/prometheus")
        process.arguments = [
            "--config.file=\(file.path)",
            "--storage.tsdb.path=\(folder.appending(path: "data").path)",
            "--web.listen-address=127.0.0.1:0", "--log.level=error",
        ]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return (process, folder)
    }
}
