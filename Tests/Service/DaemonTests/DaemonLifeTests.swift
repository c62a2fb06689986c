import Foundation
import Model
import TestSupport
import Testing
import Timekeeping

@testable import Daemon

/// Daemons with real ports, threads and files, in a folder of their own.
@Suite(.timeLimit(.minutes(2))) struct DaemonLifeTests {
    private static let a: LabelSet = ["__name__": "up", "job": "a"]
    private static let b: LabelSet = ["__name__": "up", "job": "b"]
    private static let c: LabelSet = ["__name__": "up", "job": "c"]

    @Test func itServesUntilItIsStopped() async throws {
        // A host of its own: on another the port could have gone to somebody else in the end.
        let house = try House(host: "127.0.0.67")
        let daemon = try house.daemon()
        #expect(daemon.address == nil)
        try await daemon.start()
        try await Caller.of(daemon) { caller in
            #expect(try await caller.call("GET", "/-/healthy").status == 200)
            #expect(try await caller.call("GET", "/-/ready").text == "Tocsin is ready.\n")
            house.bring([(Self.a, 1)], to: daemon)
            let query = try await caller.call("GET", "/api/v1/query?query=up")
            #expect(query.text.contains(#""metric":{"__name__":"up","job":"a"}"#), "\(query)")
            let sources = try await caller.call("GET", "/v1/sources")
            #expect(sources.text.contains("add an entry to sources.cloudwatch in"))
            #expect(sources.text.contains("add sources.forward.listen to"))
            let config = try await caller.call("GET", "/api/v1/status/config").text
            #expect(config.contains(#"path: \"${DATA}\""#), "variables are not shown: \(config)")
            #expect(!config.contains("/data"))
            let browser = [(name: "Accept", value: "text/html,*/*;q=0.8")]
            let page = try await caller.call("GET", "/", headers: browser)
            #expect(page.text.contains("<h1>Tocsin</h1>"))
            let shipper = try await caller.call("GET", "/")
            #expect(shipper.text.contains(#""number":"8.17.0""#), "\(shipper)")
        }
        let address = try #require(daemon.address)
        await daemon.stop()
        #expect(daemon.address == nil)
        let port = try #require(UInt16(address.split(separator: ":")[1]))
        #expect(!LoopbackPeer.canConnect(port: port, host: 67))
        await daemon.stop()
    }

    @Test func bulkDocumentsAreCountedOverRestarts() async throws {
        let house = try House(
            rules: """
                log_metrics:
                  - {name: requests_total, labels: [status]}
                """
        )
        func send(_ documents: Int, to daemon: Daemon) async throws {
            let line = "{\"index\":{}}\n{\"status\":200,\"message\":\"m\"}\n"
            try await Caller.of(daemon) { caller in
                let reply = try await caller.call(
                    "POST",
                    "/logs/_bulk",
                    headers: [("Content-Type", "application/x-ndjson")],
                    body: String(repeating: line, count: documents)
                )
                #expect(reply.status == 200)
                #expect(reply.text.contains(#""errors":false,"items":["#))
            }
        }
        try await house.run { try await send(3, to: $0) }
        try await house.run { daemon in
            // More than before: a counter begun again at 0 would hide the first 3.
            try await send(5, to: daemon)
            try await Caller.of(daemon) { caller in
                let reply = try await caller.call("GET", "/api/v1/query?query=requests_total")
                #expect(reply.text.contains(#","8"]"#), "\(reply)")
            }
        }
    }

    @Test func itsOwnAnswersSpeakTheLanguageOfEachAPI() async throws {
        let house = try House()
        try await house.run { daemon in
            try await Caller.of(daemon) { caller in
                let unknown = try await caller.call("GET", "/api/v1/nothing")
                #expect(unknown.status == 404)
                #expect(
                    unknown.text
                        == #"{"status":"error","errorType":"not_found","error":"there is nothing at /api/v1/nothing"}"#
                )
                let problem = try await caller.call("POST", "/v1/slos")
                #expect(problem.status == 405)
                #expect(problem.text.hasPrefix(#"{"title":"method not allowed","status":405"#))
                let long = try await caller.call(
                    "POST",
                    "/api/v1/query",
                    body: String(repeating: "x", count: 2 << 20)
                )
                #expect(long.status == 413)
                #expect(long.text.contains(#""errorType":"bad_data""#))
            }
        }
    }

    @Test func itsMetricsPassPromtool() async throws {
        let promtool = "/usr/bin/promtool"
        guard FileManager.default.isExecutableFile(atPath: promtool) else {
            print("skipped: there is no \(promtool) (Debian package prometheus)")
            return
        }
        let house = try House()
        try await house.run { daemon in
            house.bring([(Self.a, 0)], to: daemon)
            _ = try await house.pager.next()
            try await Caller.of(daemon) { caller in
                _ = try await caller.call("GET", "/api/v1/query?query=up")
                let metrics = try await caller.call("GET", "/metrics").text
                for name in [
                    "tocsin_queries_total", "tocsin_rule_group_eager_iterations_total",
                    "process_resident_memory_bytes", "tocsin_store_series",
                    "tocsin_config_last_reload_successful 1", "tocsin_build_info",
                    "prometheus_engine_query_duration_seconds_count",
                ] {
                    #expect(metrics.contains(name), "\(name)")
                }
                let checked = try PythonTool.run(promtool, ["check", "metrics"], input: metrics)
                #expect(checked.status == 0)
                #expect(checked.output + checked.errors == "")
            }
        }
    }

    @Test func aPortThatIsTakenStopsWhatHadStarted() async throws {
        let house = try House()
        let settings = try String(contentsOfFile: house.settingsPath, encoding: .utf8)
        try house.write(
            "tocsin.yaml",
            settings + "\nsources: {forward: {listen: \"\(house.pager.address)\"}}"
        )
        let daemon = try house.daemon()
        let failure = await #expect(throws: (any Error).self) { try await daemon.start() }
        #expect(failure.map { "\($0)".contains(house.pager.address) } == true, "\(failure as Any)")
        #expect(daemon.address == nil, "the HTTP port is free again")
    }

    @Test func anEagerGroupPagesBetweenItsSlots() async throws {
        let house = try House()
        try await house.run { daemon in
            house.bring([(Self.a, 1)], to: daemon)
            house.bring([(Self.a, 0)], to: daemon)
            let page = try await house.pager.next()
            #expect(page.kind == "opened")
            #expect(page.summary.contains("Down job=a"))
        }
    }

    @Test func aRestartNeitherRepeatsNorForgets() async throws {
        let house = try House()
        var opened = Pager.Page(id: "", kind: "", incident: "", summary: "")
        try await house.run { daemon in
            house.bring([(Self.a, 0)], to: daemon)
            opened = try await house.pager.next()
            #expect(opened.kind == "opened")
            let incident = opened.incident
            try await Caller.of(daemon) { try await Self.settle(1, of: incident, $0) }
        }
        try await house.run { daemon in
            try await Caller.of(daemon) { caller in
                let incidents = try await caller.call("GET", "/v1/incidents").text
                #expect(incidents.contains(opened.incident))
                let alerts = try await caller.call("GET", "/api/v1/alerts").text
                #expect(alerts.contains(#""job":"a""#) && alerts.contains(#""state":"firing""#))

                // The next evaluation does not see the first alert's series, nor does it end it.
                house.bring([(Self.b, 0)], to: daemon)
                let second = try await house.pager.next()
                #expect(second.kind == "opened")
                #expect(second.summary.contains("job=b"))
                #expect(second.incident != opened.incident)
                let still = try await caller.call("GET", "/api/v1/alerts").text
                #expect(still.matches(of: /"state":"firing"/).count == 2, "\(still)")

                // Seen again, still down: nothing new, as the page of a third one shows that is judged with it.
                // Pages of an incident come in order, so that a repetition would come before the end.
                house.bring([(Self.a, 0), (Self.b, 0), (Self.c, 0)], to: daemon)
                #expect(try await house.pager.next().summary.contains("job=c"))
                house.bring([(Self.a, 1), (Self.b, 0), (Self.c, 0)], to: daemon)
                let end = try await house.pager.next()
                #expect(end.kind == "resolved")
                #expect(end.incident == opened.incident)
                try await Self.settle(2, of: opened.incident, caller)
            }
        }
        try await house.run { daemon in
            try await Caller.of(daemon) { caller in
                let open = try await caller.call("GET", "/v1/incidents").text
                #expect(!open.contains(opened.incident))
                let all = try await caller.call("GET", "/v1/incidents?all=true").text
                #expect(all.contains(opened.incident))
                #expect(try await Self.delivered(opened.incident, caller) == 2)
            }
        }
    }

    /// Waits until the daemon knows of so many deliveries: the pager has a page before the daemon has its answer, and a
    /// stop in between would send it once more.
    private static func settle(_ count: Int, of incident: String, _ caller: Caller) async throws {
        var delivered = 0
        for _ in 0..<10000 where delivered < count {
            delivered = try await Self.delivered(incident, caller)
        }
        #expect(delivered == count)
    }

    /// How many messages of an incident have reached the pager.
    private static func delivered(_ incident: String, _ caller: Caller) async throws -> Int {
        try await caller.call("GET", "/v1/deliveries?incident=\(incident)").text
            .matches(of: /"state":"delivered"/).count
    }
}
