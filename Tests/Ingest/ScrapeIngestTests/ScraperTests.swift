import Compression
import HTTPClient
import Ingest
import Model
import Telemetry
import TestSupport
import Testing
import Timekeeping

@testable import ScrapeIngest

@Suite struct ScraperTests {
    let clock = ManualClock(Timestamp(milliseconds: 1_700_000_000_000))
    let door = RecordingDoor()
    let server = PageServer()
    let registry = MetricsRegistry()
    let sources: SourceRegistry
    let scraper: Scraper

    init() {
        sources = SourceRegistry(clock: clock, metrics: registry)
        scraper = Scraper(
            http: server,
            admission: door,
            sources: sources,
            catalogue: MetadataCatalogue(metrics: registry),
            resolver: NameTable(),
            clock: clock,
            sleeper: SteppingSleeper(clock: clock),
            elapsed: { 0 },
            seed: 3,
            log: .silent,
            metrics: registry
        )
    }

    /// Answers for one name.
    struct NameTable: NameResolving {
        func records(
            of name: String,
            _ kind: DNSRecord.Kind
        ) throws(DNSProblem) -> [DNSRecord] {
            guard name == "_m._tcp.example" else {
                throw DNSProblem(reason: "there is no name \(name)")
            }
            return [.service(host: "h1", port: 1), .service(host: "h2", port: 2)]
        }
    }

    func job(_ name: String = "j", _ change: (inout ScrapeJob) -> Void = { _ in }) -> ScrapeJob {
        var job = ScrapeJob(name: name, location: SourceLocation(file: "t", line: 1, column: 1))
        job.interval = .seconds(10)
        job.timeout = .seconds(5)
        job.groups = [TargetGroup(addresses: ["a:1"], labels: [])]
        change(&job)
        return job
    }

    func use(_ jobs: [ScrapeJob], _ change: (inout ScrapeSettings) -> Void = { _ in }) {
        var settings = ScrapeSettings()
        settings.jobs = jobs
        change(&settings)
        scraper.update(settings)
    }

    /// Lets virtual seconds pass, a tenth at a time.
    func pass(_ seconds: Int) async {
        for _ in 0..<(seconds * 10) {
            await scraper.advance(at: clock.now())
            clock.advance(by: .milliseconds(100))
        }
    }

    var status: SourceStatus? { sources.statuses.first { $0.name == "scrape/j" } }

    @Test func aTargetIsScrapedOncePerInterval() async {
        server.serve("http://a:1/metrics", "m 1\n")
        use([job()])
        await pass(30)
        let taken = door.drain()
        #expect(taken.count { $0.hasPrefix("m{") } == 3)
        #expect(taken.count { $0.hasPrefix("up{instance=\"a:1\", job=\"j\"} 1.0") } == 3)
        #expect(status?.advice == "")
        #expect(status?.lastSuccess != nil)
        let times = taken.filter { $0.hasPrefix("m{") }.compactMap { $0.split(separator: "@").last }
            .compactMap { Int($0) }.sorted()
        #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 >= 9900 && $1 - $0 <= 10100 })
    }

    @Test func slotsAreSpreadAndStayTheSame() {
        let job = job { $0.interval = .seconds(60) }
        var offsets: [Int64] = []
        for number in 0..<2000 {
            let group = TargetGroup(addresses: ["node\(number):9100"], labels: [])
            guard case .kept(let target) = ScrapeTarget.build(group.targets[0], group, job) else {
                Issue.record("dropped")
                return
            }
            offsets.append(target.offset.milliseconds)
        }
        // Each second of the minute gets its thirtieth, more or less.
        let counts = Dictionary(grouping: offsets) { $0 / 1000 }.mapValues(\.count)
        #expect(counts.count == 60)
        #expect(counts.values.allSatisfy { $0 < 80 })
    }

    @Test func aTargetThatFailsIsDownAndItsSeriesEnd() async {
        server.serve("http://a:1/metrics", "m 1\n")
        use([job()])
        await pass(10)
        _ = door.drain()
        server.stop("http://a:1/metrics")
        await pass(10)
        let taken = door.drain()
        #expect(taken.contains { $0.hasPrefix("m{") && $0.contains(" stale ") })
        #expect(taken.contains { $0.hasPrefix("up{") && $0.contains(" 0.0 ") })
        #expect(
            status?.advice
                == "http://a:1/metrics: cannot reach http://a:1/metrics: connection refused; start "
                + "the target, or correct its address"
        )
        #expect(scraper.snapshot.active.first?.lastError.isEmpty == false)
        server.serve("http://a:1/metrics", "m 1\n")
        await pass(10)
        #expect(status?.advice == "")
    }

    @Test func aJobOfWhichNothingAnswersHasNoSuccess() async {
        use([job()])
        await pass(10)
        #expect(door.drain().count == 5)
        #expect(status?.lastSuccess == nil)
        #expect(status?.health == .failing)
    }

    @Test(arguments: [
        (503, "the target answered 503, not 200"),
        (401, "the target answered 401, not 200; check the job's credentials"),
        (404, "the target answered 404, not 200; check metrics_path"),
    ])
    func otherAnswersAreFailures(_ code: Int, _ words: String) async {
        server.answer("http://a:1/metrics") { _ in HTTPClientReply(status: code) }
        use([job()])
        await pass(10)
        #expect(status?.advice == "http://a:1/metrics: \(words)")
    }

    @Test func packedPagesAreUnpackedWithinTheLimit() async throws {
        let page = Array(("m 1\n" + String(repeating: "# x\n", count: 1000)).utf8)
        let packed = try Gzip.compress(page.span)
        server.answer("http://a:1/metrics") { _ in
            HTTPClientReply(status: 200, headers: [("content-encoding", "gzip")], body: packed)
        }
        use([job()])
        await pass(10)
        #expect(door.drainPages().count == 1)
        use([job { $0.bodyMax = 1000 }])
        await pass(10)
        #expect(status?.advice.contains("larger than 1000 bytes when decompressed") == true)
    }

    @Test func requestsSayWhatIsWanted() async throws {
        use([
            job {
                $0.credentials = .basic(user: .text("u"), password: .text("p"))
                $0.parameters = ["module": ["a b", "c"]]
                $0.path = "/probe"
                $0.scheme = "https"
                $0.connection.serverName = "name"
                $0.connection.verifiesServer = false
            }
        ])
        await pass(10)
        let request = try #require(server.requests.first)
        #expect(request.url == "https://a:1/probe?module=a+b&module=c")
        #expect(request.timeout == .seconds(5))
        #expect(request.connection?.serverName == "name")
        #expect(request.connection?.verifiesServer == false)
        #expect(request.connection?.redirectsMax == 10)
        let headers = Dictionary(uniqueKeysWithValues: request.headers.map { ($0.name, $0.value) })
        #expect(
            headers["Accept"]
                == "application/openmetrics-text;version=1.0.0;q=0.4,"
                + "application/openmetrics-text;version=0.0.1;q=0.3,text/plain;version=0.0.4;q=0.2,"
                + "*/*;q=0.1"
        )
        #expect(headers["Accept-Encoding"] == "gzip")
        #expect(headers["X-Prometheus-Scrape-Timeout-Seconds"] == "5")
        #expect(headers["Authorization"] == "Basic dTpw")
    }

    @Test func aTargetThatIsGoneEndsLater() async {
        server.serve("http://a:1/metrics", "m 1\n")
        use([job()])
        await pass(10)
        use([job { $0.groups = [] }])
        _ = door.drain()
        await pass(10)
        #expect(door.drain().isEmpty)
        await pass(15)
        let ends = door.drain()
        #expect(ends.count == 6)
        #expect(ends.allSatisfy { $0.contains(" stale ") })
        #expect(scraper.snapshot.active.isEmpty)
    }

    @Test func aTargetThatComesBackIsNotEnded() async {
        server.serve("http://a:1/metrics", "m 1\n")
        use([job()])
        await pass(10)
        use([job { $0.honorLabels = true }])
        await pass(30)
        #expect(!door.drain().contains { $0.contains(" stale ") })
    }

    @Test func namesBecomeTargets() async {
        server.serve("http://h1:1/metrics", "m 1\n")
        use([
            job {
                $0.groups = []
                $0.names = [
                    DNSDiscovery(
                        names: ["_m._tcp.example", "none"],
                        type: .service,
                        port: nil,
                        interval: .seconds(30)
                    )
                ]
            }
        ])
        await pass(10)
        let active = scraper.snapshot.active
        #expect(active.map(\.url) == ["http://h1:1/metrics", "http://h2:2/metrics"])
        #expect(active.first?.discovered["__meta_dns_srv_record_target"] == "h1.")
        #expect(status?.advice.hasPrefix("1 of 2 targets are down; http://h2:2/metrics: ") == true)
        #expect(status?.advice.hasSuffix("; there is no name none") == true)
    }

    @Test func relabellingDropsTargets() async throws {
        var rule = RelabelRule.Definition()
        rule.sourceLabels = ["__address__"]
        rule.regex = "a:.*"
        rule.action = .keep
        let keep = try RelabelRule(rule)
        use([
            job {
                $0.groups = [TargetGroup(addresses: ["a:1", "b:1"], labels: [Label("dc", "x")])]
                $0.relabelling = [keep]
            }
        ])
        await pass(1)
        let snapshot = scraper.snapshot
        #expect(snapshot.active.map(\.labels) == [["dc": "x", "instance": "a:1", "job": "j"]])
        #expect(snapshot.dropped.map { $0.discovered["__address__"] } == ["b:1"])
        #expect(snapshot.droppedCounts == ["j": 1])
    }

    @Test func tooManyTargetsAreScrapedByNobody() async {
        server.serve("http://a:1/metrics", "m 1\n")
        use([
            job {
                $0.groups = [TargetGroup(addresses: ["a:1", "b:1"], labels: [])]
                $0.targetsMax = 1
            }
        ])
        await pass(10)
        #expect(server.requests.isEmpty)
        #expect(door.drain().count { $0.hasPrefix("up{") && $0.contains(" 0.0 ") } == 2)
        #expect(status?.advice.hasPrefix("2 targets are over target_limit 1") == true)
    }

    @Test func allTargetsTogetherHaveALimit() async {
        use(
            [job { $0.groups = [TargetGroup(addresses: ["a:1", "b:1", "c:1"], labels: [])] }]
        ) { $0.targetsMax = 2 }
        await pass(1)
        #expect(scraper.snapshot.active.count == 2)
        #expect(status?.advice.contains("over sources.scrape.max_targets 2") == true)
    }

    @Test func aStoreThatIsBehindIsAskedAgainWithinTheInterval() async {
        server.serve("http://a:1/metrics", "m 1\n")
        use([job()])
        door.overload(3)
        await pass(10)
        #expect(door.drainPages().count == 1)
        door.overload(1000)
        await pass(15)
        #expect(status?.refused["overloaded"] ?? 0 > 0)
        #expect(status?.advice.contains("was not stored until its next scrape: full") == true)
    }

    @Test func pagesDescribeMetrics() async {
        let catalogue = MetadataCatalogue(metrics: registry)
        let scraper = Scraper(
            http: server,
            admission: door,
            sources: sources,
            catalogue: catalogue,
            clock: clock,
            sleeper: SteppingSleeper(clock: clock),
            log: .silent,
            metrics: MetricsRegistry()
        )
        server.serve("http://a:1/metrics", "# HELP m Help\\n.\n# TYPE m gauge\nm 1\n")
        var settings = ScrapeSettings()
        settings.jobs = [job()]
        scraper.update(settings)
        for _ in 0..<100 {
            await scraper.advance(at: clock.now())
            clock.advance(by: .milliseconds(100))
        }
        #expect(
            catalogue.descriptions(of: "m").first?.metadata
                == [MetricMetadata(kind: .gauge, help: "Help\n.", unit: "")]
        )
    }

    @Test func aJobThatIsGoneIsNoSourceAnyMore() {
        use([job("j"), job("k")])
        #expect(sources.statuses.map(\.name) == ["scrape/j", "scrape/k"])
        use([job("k")])
        #expect(sources.statuses.map(\.name) == ["scrape/k"])
    }
}
