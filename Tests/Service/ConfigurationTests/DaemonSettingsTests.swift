import CloudWatchIngest
import ElasticsearchIngest
import Configuration
import Cryptography
import EFKIngest
import Foundation
import HTTPClient
import Ingest
import Model
import ScrapeIngest
import ServiceRuntime
import Testing

@Suite struct DaemonSettingsTests {
    private func parse(
        _ text: String,
        _ environment: [String: String] = [:]
    ) throws -> DaemonSettings {
        try DaemonSettings.parse(Array(text.utf8), file: "tocsin.yaml", environment: environment)
    }

    @Test func anEmptyFileGivesTheDefaults() throws {
        #expect(try parse("") == DaemonSettings())
    }

    @Test func firehoseSettingsAreRead() throws {
        let settings = try parse(
            """
            sources:
              firehose: {access_key_file: key, arrival: 6m, revision_window: 1h, fill_zeros: false, max_body: 2MiB,
                         max_decoded: 3MiB, max_records: 4, max_record: 5MiB, max_unpacked: 6MiB, max_points: 7000,
                         max_depth: 8, max_dimensions: 9, max_metrics: 10000, log_ids: 11000}
            """
        )
        var firehose = DaemonSettings.Firehose(accessKeyFile: "key")
        firehose.arrival = .seconds(360)
        firehose.revisionWindow = .seconds(3600)
        firehose.fillZeros = false
        firehose.maxBodyBytes = 2 << 20
        firehose.maxDecodedBytes = 3 << 20
        firehose.maxRecords = 4
        firehose.maxRecordBytes = 5 << 20
        firehose.maxUnpackedBytes = 6 << 20
        firehose.maxPoints = 7000
        firehose.maxDepth = 8
        firehose.maxDimensions = 9
        firehose.maxMetrics = 10_000
        firehose.logIDs = 11_000
        #expect(settings.sources.firehose == firehose)
        #expect(
            try parse("sources: {firehose: {access_key_file: key}}").sources.firehose
                == DaemonSettings.Firehose(accessKeyFile: "key")
        )
    }

    @Test func firehoseNeedsAnAccessKey() {
        let error = #expect(throws: DiagnosticList.self) {
            try parse("sources:\n  firehose: {max_depth: 65}")
        }
        let text = error?.description ?? ""
        #expect(text.contains("sources.firehose needs access_key_file"), "\(text)")
        #expect(text.contains("max_depth"), "\(text)")
    }

    @Test func everySettingIsRead() throws {
        let settings = try parse(
            """
            server:
              listen: 0.0.0.0:8080
              external_url: https://alerts.example.com/
              tls: {cert_file: , key_file: , client_ca_file: }
              tokens_file:
            rules: [rules/a.yaml, rules/b]
            store:
              path: ${STATE}/tocsin
              retention: 3h
              max_series: 10000
              reserved_series_percent: 10
              max_series_per_metric: 4000
              max_series_per_source: 8000
              start_runs_max: 64
              long_window_max: 7d
              max_memory: 256MiB
              logs: {max_memory: 32MiB, retention: 30m}
            evaluation: {interval: 5s, settle: 30s, grace_after_start: 10s}
            state: sqlite
            samples: embedded
            sources:
              cloudwatch:
                - {regions: [eu-west-1, us-east-1], role_arn: , endpoint: "http://127.0.0.1:5000",
                   period: 60s, delay: 90s, budget_usd_per_month: 20, reread: 15m, account_id: "111122223333",
                   namespaces: [MyApp], list_refresh: 1h, backfill_max: 12h, max_metrics: 700,
                   metric_statistics: false, lookups: false, lookup_endpoint: "http://127.0.0.1:5001",
                   prices: {metrics_per_1000: 0.012, requests_per_1000: 0.013, free_requests: 0}}
              forward: {listen: "127.0.0.1:24224", shared_key_file: , tls: , max_message: 8MiB, max_decompressed: 9MiB,
                        max_decoded: 10MiB, max_buffered: 11MiB, max_connections: 12}
              http_ingest: {remote_write: false, max_body: 1MiB, max_decoded: 2MiB}
              max_samples_per_second: 5000
            incidents: {file: oncall.yaml}
            """,
            ["STATE": "/var/lib"]
        )
        #expect(settings.server.listen == "0.0.0.0:8080")
        #expect(settings.server.linkBase == "https://alerts.example.com")
        #expect(settings.rules == ["rules/a.yaml", "rules/b"])
        #expect(settings.store.path == "/var/lib/tocsin")
        #expect(settings.store.retention == .seconds(3 * 3600))
        #expect(settings.store.reservedSeriesPercent == 10)
        #expect(settings.store.maxSeriesPerMetric == 4000)
        #expect(settings.store.maxSeriesPerSource == 8000)
        #expect(settings.store.startRunsMax == 64)
        #expect(settings.store.maxMemoryBytes == 256 << 20)
        #expect(settings.store.logRetention == .seconds(1800))
        #expect(settings.store.longWindowMax == .seconds(7 * 86400))
        #expect(settings.evaluation.settle == .seconds(30))
        let account = try #require(settings.sources.cloudWatch.first)
        #expect(account.regions == ["eu-west-1", "us-east-1"])
        #expect(account.reread == .seconds(900))
        #expect(account.accountID == "111122223333")
        #expect(account.namespaces == ["MyApp"])
        #expect(account.catalogueRefresh == .seconds(3600))
        #expect(account.backfillMax == .seconds(12 * 3600))
        #expect(account.maxMetrics == 700)
        #expect(!account.metricStatistics)
        #expect(!account.lookups && account.lookupEndpoint == "http://127.0.0.1:5001")
        #expect(account.prices.metricsPerThousand == 0.012)
        #expect(account.prices.requestsPerThousand == 0.013)
        #expect(account.prices.freeRequests == 0)
        let poller = CloudWatchSettings(account)
        #expect(poller.queriesMax == 700 && !poller.usesMetricStatistics)
        #expect(poller.budgetDollarsPerMonth == 20 && poller.prices == account.prices)
        #expect(poller.problems.isEmpty)
        #expect([account, account].accountNames == ["111122223333", "111122223333#2"])
        #expect(account.roleARN == nil)
        #expect(account.delay == .seconds(90))
        #expect(account.budgetUSDPerMonth == 20)
        #expect(settings.sources.forward?.access == nil)
        #expect(settings.sources.forward?.messageMax == 8 << 20)
        #expect(settings.sources.forward?.decompressedMax == 9 << 20)
        #expect(settings.sources.forward?.decodedMax == 10 << 20)
        #expect(settings.sources.forward?.bufferedMax == 11 << 20)
        #expect(settings.sources.forward?.connectionsMax == 12)
        #expect(!settings.sources.remoteWrite)
        #expect(settings.sources.maxBodyBytes == 1 << 20)
        #expect(settings.sources.maxDecodedBytes == 2 << 20)
        #expect(settings.sources.maxSamplesPerSecond == 5000)
        #expect(settings.incidentsFile == "oncall.yaml")
    }

    struct Bad: CustomTestStringConvertible {
        let text: String
        let messages: [String]
        var testDescription: String { text }
    }

    @Test(arguments: [
        Bad(
            text: "sever: {}",
            messages: ["tocsin.yaml:1:1: unknown key \"sever\"", "did you mean \"server\"?"]
        ),
        Bad(text: "server: {listen: 9467}", messages: ["1:18", "HOST:PORT"]),
        Bad(text: "store: {retention: 5 minutes}", messages: ["1:20", "duration"]),
        Bad(text: "store: {max_series: 3}", messages: ["max_series", "1000"]),
        Bad(
            text: "store: {reserved_series_percent: 51}",
            messages: ["reserved_series_percent", "50"]
        ),
        Bad(text: "store: {path: '${NOWHERE}'}", messages: ["NOWHERE is not set", "export it"]),
        Bad(text: "state: postgres://db/x", messages: ["can only be \"sqlite\""]),
        Bad(text: "server: {tokens_file: a}", messages: ["not in this version yet"]),
        Bad(
            text: "sources: {forward: {users: [{name: a, password_file: b}]}}",
            messages: ["1:28", "shared key", "add shared_key_file"]
        ),
        Bad(
            text: "sources: {forward: {users: [{name: a}], shared_key_file: k}}",
            messages: ["password_file"]
        ),
        Bad(
            text: "sources: {forward: {clients: [{network: 10.0.0.0/33}], shared_key_file: k}}",
            messages: ["10.0.0.0/33", "10.0.0.0/8"]
        ),
        Bad(
            text: "sources: {forward: {clients: [{network: 10.0.0.0/8}]}}",
            messages: ["no shared key", "add shared_key_file"]
        ),
        Bad(
            text:
                "sources: {forward: {clients: [{network: 10.0.0.1, users: [x]}], shared_key_file: k}}",
            messages: ["user \"x\" is not in sources.forward.users"]
        ),
        Bad(
            text: "sources: {forward: {allow_anonymous_source: false}}",
            messages: ["1:45", "add clients"]
        ),
        Bad(
            text: "sources: {forward: {tls: {cert_file: a}}}",
            messages: ["both cert_file and key_file"]
        ),
        Bad(text: "sources: {forward: {max_depth: 1000}}", messages: ["max_depth", "200"]),
        Bad(
            text: "sources: {elasticsearch: [{url: a, index: b}]}",
            messages: ["\"a\" is no address that begins with http:// or https://"]
        ),
        Bad(text: "sources: {elasticsearch: [{index: b}]}", messages: ["url"]),
        Bad(text: "sources: {elasticsearch: [{url: 'http://a'}]}", messages: ["index"]),
        Bad(
            text: "sources: {elasticsearch: [{url: 'http://u:p@a', index: b}]}",
            messages: ["an address must not hold a password"]
        ),
        Bad(
            text: "sources: {elasticsearch: [{url: 'http://a', index: 'b/c'}]}",
            messages: ["names or patterns of indices"]
        ),
        Bad(
            text: "sources: {elasticsearch: [{url: 'http://a', index: b, query: [1]}]}",
            messages: ["a query is a text"]
        ),
        Bad(
            text: "sources: {elasticsearch: [{url: 'http://a', index: b, auth: {api_key: x}}]}",
            messages: ["give \"api_key_file\" in its place"]
        ),
        Bad(
            text:
                "sources: {elasticsearch: [{url: 'http://a', index: b, auth: {api_key_file: x, sigv4: {}}}]}",
            messages: ["keep one of basic, api_key_file"]
        ),
        Bad(
            text:
                "sources: {elasticsearch: [{url: 'http://a', index: b}, {url: 'http://c', index: b}]}",
            messages: ["two sources are called \"b\"", "give each a name of its own"]
        ),
        Bad(
            text: "sources: {elasticsearch: [{url: 'http://a', index: b, tls: {cert_file: x}}]}",
            messages: ["go together"]
        ),
        Bad(text: "server: [", messages: ["tocsin.yaml:2:1: not valid YAML"]),
        Bad(text: "a: 1\na: 2", messages: ["2:1"]),
    ])
    func problemsSayWhatWhereAndHow(_ bad: Bad) {
        let error = #expect(throws: DiagnosticList.self) { try parse(bad.text) }
        let description = error?.description ?? ""
        for message in bad.messages { #expect(description.contains(message), "\(description)") }
    }

    @Test func elasticsearchSourcesAreRead() throws {
        let settings = try parse(
            """
            sources:
              elasticsearch:
                - {url: 'https://es:9200/', index: 'logstash-*', query: 'status:>=500 AND level:"a\\"b"'}
                - name: audit
                  urls: [https://a, https://b]
                  index: audit
                  time_field: event.ingested
                  query: {bool: {filter: [{term: {status: 500}}, {terms: {x: [a, "1", 1.5, true, null, 007]}}]}}
                  auth: {sigv4: {service: aoss, region: eu-west-1, role_arn: 'arn:aws:iam::111122223333:role/r'}}
                  overlap: 10m
                  page_size: 500
                  tls: {ca_file: ca.pem}
            """
        )
        let (first, second) = (settings.sources.elasticsearch[0], settings.sources.elasticsearch[1])
        #expect(first.source == "elasticsearch/logstash-*")
        #expect(first.urls == ["https://es:9200"])
        #expect(first.authentication == .none)
        #expect(first.timeField == "@timestamp" && first.overlap == .seconds(120))
        #expect(second.source == "elasticsearch/audit")
        #expect(
            second.query
                == #"{"bool":{"filter":[{"term":{"status":500}},{"terms":{"x":["a","1",1.5,true,null,"007"]}}]}}"#
        )
        #expect(
            second.authentication
                == .signed(
                    PullAuthentication.Signing(
                        service: .aoss,
                        region: "eu-west-1",
                        roleARN: "arn:aws:iam::111122223333:role/r"
                    )
                )
        )
        #expect(second.connection?.certificateAuthorities == "ca.pem")
        #expect(second.pageSize == 500 && second.overlap == .seconds(600))
    }

    @Test func everyProblemIsToldAtOnce() {
        let error = #expect(throws: DiagnosticList.self) {
            try parse("sever: {}\nstore: {retention: x, max_memory: y}\n")
        }
        #expect(error?.diagnostics.count == 3)
    }

    @Test func theSchemaIsJSONAndKnowsEverySection() throws {
        let schema = try #require(
            JSONSerialization.jsonObject(with: Data(SettingsSchema.json.utf8)) as? [String: Any]
        )
        let properties = try #require(schema["properties"] as? [String: Any])
        for key in [
            "server", "rules", "store", "evaluation", "state", "samples", "sources", "incidents",
        ] {
            #expect(properties[key] != nil)
        }
    }

    @Test func theForwardPortKnowsItsSenders() throws {
        let forward = try #require(
            parse(
                """
                sources:
                  forward:
                    listen: 0.0.0.0:24224
                    host_name: logs
                    shared_key_file: key
                    users: [{name: web, password_file: web.txt}]
                    clients: [{network: 10.0.0.0/8, shared_key_file: own, users: [web]}]
                    allow_anonymous_source: false
                    tls: {cert_file: c.pem, key_file: k.pem, client_ca_file: ca.pem}
                    keepalive: false
                    idle_timeout: 5m
                    handshake_timeout: 3s
                    message_timeout: 20s
                    max_entries: 7
                    max_depth: 8
                    max_chunk_id: 90
                    max_connections_per_peer: 10
                    remembered_chunks: 11
                """
            ).sources.forward
        )
        let expected = ForwardSettings {
            $0.listen = "0.0.0.0:24224"
            $0.hostName = "logs"
            $0.access = ForwardAccessFiles(
                sharedKeyFile: "key",
                users: [.init(name: "web", passwordFile: "web.txt")],
                clients: [NetworkPrefix("10.0.0.0/8")].compactMap { $0 }.map {
                    .init(network: $0, sharedKeyFile: "own", users: ["web"])
                },
                allowsAnonymousSources: false
            )
            $0.tls = TLSServerFiles(
                certificate: "c.pem",
                key: "k.pem",
                clientAuthorities: "ca.pem"
            )
            $0.keepsAlive = false
            $0.idleTimeMax = .seconds(300)
            $0.handshakeTimeMax = .seconds(3)
            $0.messageTimeMax = .seconds(20)
            $0.entriesMax = 7
            $0.depthMax = 8
            $0.chunkIDMax = 90
            $0.connectionsPerPeerMax = 10
            $0.chunksRemembered = 11
        }
        #expect(forward == expected)
        #expect(try parse("sources: {forward: {listen: ':1'}}").sources.forward?.access == nil)
    }

    @Test func scrapeJobsKeepTheirGroups() throws {
        let text = """
            sources:
              scrape:
                scrape_configs:
                  - job_name: a
                    bearer_token: ${TOKEN}
                    relabel_configs:
                      - {source_labels: [x], regex: (.*), target_label: y, replacement: "${1}-$1-$${n}"}
            """
        let settings = try DaemonSettings.parse(
            Array(text.utf8),
            file: "tocsin.yaml",
            environment: ["TOKEN": "t"]
        )
        let job = try #require(settings.sources.scrape?.jobs.first)
        #expect(job.credentials == .token(type: "Bearer", .text("t")))
        #expect(job.relabelling.first?.definition.replacement == "${1}-$1-${n}")
    }
}
