import Model
import Rules
import Testing
import Timekeeping

@Suite struct LogStreamReaderTests {
    private static func load(_ text: String) throws -> RuleSet {
        try RuleLoader.load(text: text, file: "f.yaml")
    }

    @Test func streamsAreRead() throws {
        let rules = try Self.load(
            """
            log_streams:
              - from: {kubernetes.container: api}
                multiline: {start: '^\\d{4}-', idle: 5s, max_lines: 50, max_bytes: 64KiB}
                json: {prefix: app, keep_text: true}
                keep: level != debug
                drop: ['path == /healthz and status < 400', level == trace]
              - {multiline: java, json: merge}
              - {multiline: [python, go], drop: path == /ping}
              - multiline: {traces: [java, python, go]}
            """
        )
        let first = try #require(rules.logStreams.first)
        #expect(first.from == ["kubernetes.container": "api"])
        #expect(
            first.multiline
                == LogStreamDefinition.Multiline(
                    joining: .start("^\\d{4}-"),
                    idle: .seconds(5),
                    linesMax: 50,
                    bytesMax: 65536
                )
        )
        #expect(first.merging == LogStreamDefinition.Merging(prefix: "app", keepsText: true))
        #expect(first.keep.map(\.field) == ["level"])
        #expect(first.drop.map { $0.map(\.field) } == [["path", "status"], ["level"]])
        #expect(rules.logStreams[1].multiline?.joining == .traces([.java]))
        #expect(rules.logStreams[1].merging == LogStreamDefinition.Merging())
        #expect(rules.logStreams[2].multiline?.joining == .traces([.python, .go]))
        #expect(rules.logStreams[3].multiline?.joining == .traces([.java, .python, .go]))
    }

    @Test func labelsMayBeMapped() throws {
        let rules = try Self.load(
            """
            log_metrics:
              - name: m
                labels:
                  status: code
                  class: {field: status, as: class}
                  path: {field: url.path, as: route}
                  route: {field: path, routes: ['/orders/{id}', '/static/*']}
                  level: {field: level, map: {warning: warn, '/err.*/': error}, other: info}
                  call: {template: '{{ method }} {{ path }}'}
                value: took
                unit: ms
            """
        )
        let metric = try #require(rules.logMetrics.first)
        #expect(metric.unit == .milliseconds)
        #expect(
            metric.labels == [
                .init(label: "status", field: "code"),
                .init(label: "class", field: "status", mapping: .statusClass),
                .init(label: "path", field: "url.path", mapping: .route(patterns: [], other: "")),
                .init(
                    label: "route",
                    field: "path",
                    mapping: .route(patterns: ["/orders/{id}", "/static/*"], other: "other")
                ),
                .init(
                    label: "level",
                    field: "level",
                    mapping: .table(
                        [
                            .init(value: "warning", label: "warn"),
                            .init(value: "/err.*/", label: "error"),
                        ],
                        other: "info"
                    )
                ),
                .init(label: "call", field: "{{ method }} {{ path }}", mapping: .template),
            ]
        )
    }

    struct Mistake: CustomTestStringConvertible, Sendable {
        var text: String
        /// Parts of the message, its place first.
        var words: [String]
        var testDescription: String { text }
    }

    static let mistakes = [
        Mistake(
            text: "log_streams: [{multiline: perl}]",
            words: ["f.yaml:1:27:", "unknown multiline \"perl\"; use java, python or go"]
        ),
        Mistake(
            text: "log_streams: [{multiline: {idle: 1s}}]",
            words: ["multiline needs either \"start\"", "or \"traces\""]
        ),
        Mistake(
            text: "log_streams: [{multiline: {start: '(', traces: java}}]",
            words: ["multiline needs either"]
        ),
        Mistake(
            text: "log_streams: [{multiline: {start: '('}}]",
            words: ["f.yaml:1:35:", "invalid regular expression"]
        ),
        Mistake(text: "log_streams: [{multiline: {start: a, idle: 1h}}]", words: ["\"idle\""]),
        Mistake(text: "log_streams: [{json: parse}]", words: ["unknown json \"parse\""]),
        Mistake(
            text: "log_streams: [{keep: level}]",
            words: ["keep: after \"level\" a comparison"]
        ),
        Mistake(text: "log_streams: [{drop: ['a == 1', b]}]", words: ["drop: after \"b\""]),
        Mistake(text: "log_streams: [{multilin: java}]", words: ["did you mean \"multiline\"?"]),
        Mistake(
            text: "log_metrics: [{name: m, labels: {a: {field: b, as: lower}}}]",
            words: ["f.yaml:1:52:", "unknown as \"lower\"; use one of class, route"]
        ),
        Mistake(
            text: "log_metrics: [{name: m, labels: {a: {field: b, as: class, map: {x: y}}}}]",
            words: ["a label has one of"]
        ),
        Mistake(
            text: "log_metrics: [{name: m, labels: {a: {field: b, other: y}}}]",
            words: ["\"other\" goes with"]
        ),
        Mistake(
            text: "log_metrics: [{name: m, labels: {a: {field: b, map: {'/(/': y}}}}]",
            words: ["invalid regular expression"]
        ),
        Mistake(
            text: "log_metrics: [{name: m, labels: {a: {field: b, routes: [orders]}}}]",
            words: ["route \"orders\" must begin with /"]
        ),
        Mistake(
            text: "log_metrics: [{name: m, labels: {a: {template: b, as: class}}}]",
            words: ["does not go with \"template\""]
        ),
        Mistake(
            text: "log_metrics: [{name: m, labels: {a: {as: class}}}]",
            words: ["needs \"field\""]
        ),
        Mistake(
            text: "log_metrics: [{name: m, unit: ms}]",
            words: ["a unit is of the numbers under \"value\""]
        ),
        Mistake(
            text: "log_metrics: [{name: m, value: v, unit: parsec}]",
            words: ["unknown unit \"parsec\""]
        ),
    ]

    @Test(arguments: mistakes) func mistakesSayHowToMendThem(_ mistake: Mistake) {
        do {
            _ = try Self.load(mistake.text)
            Issue.record("no problem was found")
        } catch let problems as DiagnosticList {
            for words in mistake.words {
                #expect(problems.description.contains(words), "\(problems)")
            }
        } catch {
            Issue.record("\(error)")
        }
    }
}
