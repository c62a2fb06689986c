import Foundation
import Model
import Testing
import Timekeeping
import YAML

@testable import ScrapeIngest

@Suite struct ScrapeSettingsReaderTests {
    static func read(_ text: String) throws -> (settings: ScrapeSettings, problems: [String]) {
        let problems = DiagnosticCollector()
        let root = try YAMLParser.parse(Array(text.utf8), file: "tocsin.yaml")
        let map = MappingReader(root, "sources.scrape", problems)
        let settings = ScrapeSettingsReader(problems: problems).read(map)
        return (settings, problems.diagnostics.map(\.description))
    }

    @Test func readsAJobInFull() throws {
        let (settings, problems) = try Self.read(
            """
            max_concurrent: 10
            max_body: 1MiB
            global: {scrape_interval: 30s, scrape_timeout: 5s, sample_limit: 7}
            scrape_configs:
              - job_name: a
                scrape_interval: 15s
                metrics_path: /m
                scheme: https
                params: {x: [1, 2]}
                honor_labels: true
                honor_timestamps: false
                body_size_limit: 10MB
                label_limit: 3
                label_name_length_limit: 4
                label_value_length_limit: 5
                target_limit: 6
                scrape_protocols: [PrometheusProto, PrometheusText0.0.4]
                basic_auth: {username: u, password_file: /p}
                follow_redirects: false
                tls_config:
                  ca_file: /ca
                  cert_file: /c
                  key_file: /k
                  server_name: n
                  insecure_skip_verify: true
                  min_version: TLS13
                static_configs:
                  - {targets: ["a:1", "b:2"], labels: {dc: x}}
                file_sd_configs:
                  - {files: [/t/*.yml], refresh_interval: 1m}
                dns_sd_configs:
                  - {names: [n.example], type: a, port: 9100}
                relabel_configs:
                  - {source_labels: [__address__], target_label: host}
                metric_relabel_configs:
                  - {action: labeldrop, regex: tmp_.*}
              - job_name: b
            """
        )
        #expect(problems == [])
        #expect(settings.concurrentMax == 10)
        #expect(settings.bodyMax == 1 << 20)
        let job = try #require(settings.jobs.first)
        #expect(job.interval == .seconds(15))
        #expect(job.timeout == .seconds(5))
        #expect(job.scheme == "https")
        #expect(job.parameters == ["x": ["1", "2"]])
        #expect(job.honorLabels && !job.honorTimestamps)
        #expect(job.bodyMax == 10_000_000)
        #expect(job.samplesMax == 7)
        #expect(
            (job.labelsMax, job.labelNameMax, job.labelValueMax, job.targetsMax) == (3, 4, 5, 6)
        )
        #expect(job.formats == [.text0])
        #expect(job.credentials == .basic(user: .text("u"), password: .file("/p")))
        #expect(job.connection.certificateAuthorities == "/ca")
        #expect(job.connection.serverName == "n")
        #expect(job.connection.requiresTLS13 && !job.connection.verifiesServer)
        #expect(!job.connection.followsRedirects)
        #expect(
            job.groups == [TargetGroup(addresses: ["a:1", "b:2"], labels: [Label("dc", "x")])]
        )
        #expect(job.files == [FileDiscovery(paths: ["/t/*.yml"], interval: .seconds(60))])
        #expect(
            job.names == [
                DNSDiscovery(
                    names: ["n.example"],
                    type: .address4,
                    port: 9100,
                    interval: .seconds(30)
                )
            ]
        )
        #expect(job.relabelling.count == 1 && job.metricRelabelling.count == 1)
        #expect(settings.jobs.last?.interval == .seconds(30))
        #expect(settings.jobs.last?.timeout == .seconds(5))
    }

    @Test(arguments: [
        ("scrape_configs: [{job_name: a}, {job_name: a}]", "job \"a\" is already defined at"),
        ("scrape_configs: [{static_configs: []}]", "a scrape config needs \"job_name\""),
        (
            "scrape_configs: [{job_name: a, kubernetes_sd_configs: [{role: pod}]}]",
            "\"kubernetes_sd_configs\" is not supported; have its targets written to a file"
        ),
        (
            "scrape_configs: [{job_name: a, scrape_interval: 5s, scrape_timeout: 6s}]",
            "is longer than its interval of 5s"
        ),
        (
            "scrape_configs: [{job_name: a, static_configs: [{targets: [\"http://a/m\"]}]}]",
            "is no target; give HOST:PORT"
        ),
        (
            "scrape_configs: [{job_name: a, bearer_token: x, basic_auth: {username: u}}]",
            "has several credentials"
        ),
        (
            "scrape_configs: [{job_name: a, dns_sd_configs: [{names: [x], type: A}]}]",
            "of type A needs \"port\""
        ),
        (
            "scrape_configs: [{job_name: a, file_sd_configs: [{files: [x.txt]}]}]",
            "is no path of a file_sd config"
        ),
        ("scrape_configs: [{job_name: a, oauth2: {client_id: x}}]", "\"oauth2\" is not supported"),
        (
            "scrape_configs: [{job_name: a, scrape_protocols: [PrometheusProto]}]",
            "only text formats"
        ),
        ("scrape_configs: [{job_name: a, tls_config: {cert_file: x}}]", "go together; give both"),
        ("scrape_configs: [{job_name: a, honour_labels: true}]", "did you mean \"honor_labels\"?"),
        ("prometheus_files: [/none/prometheus.yml]", "cannot read /none/prometheus.yml"),
    ])
    func refusesWhatItCannotDo(_ text: String, _ words: String) throws {
        let (_, problems) = try Self.read(text)
        #expect(problems.count == 1, "\(problems)")
        #expect(problems.first?.contains(words) == true, "\(problems)")
    }

    @Test func anUnchangedPrometheusFileLoads() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/scrape-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true
        )
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try """
        global:
          scrape_interval: 1m
          evaluation_interval: 15s
          external_labels: {cluster: x}
        rule_files: [rules/*.yml]
        alerting: {alertmanagers: [{static_configs: [{targets: ["am:9093"]}]}]}
        remote_write: [{url: "http://x/api/v1/write"}]
        scrape_configs:
          - job_name: prometheus
            static_configs: [{targets: ["localhost:9090"]}]
            tls_config: {ca_file: ca.pem}
            file_sd_configs: [{files: [targets/*.json]}]
        scrape_config_files: [more.yml]
        """.write(toFile: folder + "/prometheus.yml", atomically: true, encoding: .utf8)
        try "scrape_configs: [{job_name: more}]".write(
            toFile: folder + "/more.yml",
            atomically: true,
            encoding: .utf8
        )
        let (settings, problems) = try Self.read("prometheus_files: [\"\(folder)/prometheus.yml\"]")
        #expect(problems == [])
        #expect(settings.jobs.map(\.name) == ["prometheus", "more"])
        #expect(settings.jobs.first?.interval == .seconds(60))
        #expect(settings.jobs.first?.connection.certificateAuthorities == folder + "/ca.pem")
        #expect(settings.jobs.first?.files.first?.paths == [folder + "/targets/*.json"])
    }
}
