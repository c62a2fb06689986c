import APIModel
import Ingest
import LogRules
import Matching
import Model
import Rules
import Telemetry
import Timekeeping

/// Puts records through streams, metrics and rules with nothing behind.
struct LogTrial {
    /// Takes every sample and keeps none: the totals are asked of the metrics.
    private struct Nowhere: SampleAppending, SeriesReading {
        func select(
            _ selection: SeriesSelection,
            sampleLimit: Int
        ) throws(SeriesReadingError) -> [SeriesSamples] { [] }

        func labelSets(
            _ selection: SeriesSelection
        ) throws(SeriesReadingError) -> [LabelSet] { [] }

        func append(_ batch: SampleBatch) -> AppendResult {
            var result = AppendResult()
            result.accepted = batch.sampleCount
            return result
        }
    }

    private let preparation: LogPreparation
    private let metrics: LogMetrics
    private var rules: LogRuleTrial
    private var document: LogTrialDocument
    private var last = Timestamp.distantPast
    /// Lines that come together, as a shipper would send them.
    private var waiting: [LogRecord] = []

    private static let batchMax = 1000
    private static let examplesMax = 3

    /// - Throws: What is wrong with the definitions.
    init(_ set: RuleSet) throws {
        let registry = MetricsRegistry()
        preparation = LogPreparation(clock: SystemClock(), metrics: registry)
        try preparation.load(set.logStreams)
        metrics = LogMetrics(clock: SystemClock(), metrics: registry, log: .silent)
        try metrics.load(set.logMetrics)
        try metrics.resume(from: Nowhere())
        rules = try LogRuleTrial(set.logRules) { LogText.fields(of: $0) }
        document = LogTrialDocument(
            metrics: Set(set.logMetrics.map(\.name)).sorted().map {
                LogTrialDocument.Metric(name: $0)
            },
            rules: set.logRules.map { LogTrialDocument.Rule(name: $0.name, type: $0.kind.name) }
        )
    }

    mutating func take(_ record: LogRecord) {
        document.lines += 1
        waiting.append(record)
        if waiting.count >= LogTrial.batchMax { takeWaiting() }
    }

    private mutating func takeWaiting() {
        let batch = waiting
        waiting = []
        use(preparation.take(batch))
    }

    /// What became of all.
    mutating func finish() -> LogTrialDocument {
        takeWaiting()
        use(preparation.flush(everything: true))
        if last > .distantPast { add(rules.finish(at: last)) }
        let totals = metrics.totals.sorted { "\($0.series)" < "\($1.series)" }
        for (name, series, value) in totals {
            guard let owner = document.metrics.firstIndex(where: { $0.name == name }) else {
                continue
            }
            document.metrics[owner].series.append(
                LogTrialDocument.Series(labels: series.dictionary, value: value)
            )
        }
        for (index, rule) in document.rules.enumerated() {
            document.rules[index].records = rules.records[rule.name] ?? 0
        }
        return document
    }

    private mutating func use(_ prepared: LogPreparation.Prepared) {
        document.records += prepared.kept.count
        for record in prepared.counted {
            for (name, outcome) in metrics.outcomes(of: record) {
                guard let index = document.metrics.firstIndex(where: { $0.name == name }) else {
                    continue
                }
                switch outcome {
                case .counted: document.metrics[index].counted += 1
                case .notSelected: document.metrics[index].notSelected += 1
                case .conditionFails: document.metrics[index].conditionFails += 1
                case .unreadable:
                    document.metrics[index].unreadable += 1
                    if document.metrics[index].examples.count < LogTrial.examplesMax {
                        document.metrics[index].examples.append(
                            LogText.textFields.lazy.compactMap { record[$0] }.first?.text ?? ""
                        )
                    }
                }
            }
        }
        _ = metrics.count(prepared.counted, into: Nowhere(), mayComeAgain: false)
        for record in prepared.kept {
            last = max(last, record.eventTime)
            add(rules.take(record))
        }
    }

    private mutating func add(_ found: [LogRuleTrial.Found]) {
        for one in found {
            guard let index = document.rules.firstIndex(where: { $0.name == one.rule.name }) else {
                continue
            }
            document.rules[index].matches.append(
                LogTrialDocument.Match(
                    at: one.match.at.rfc3339,
                    key: one.match.key,
                    facts: one.match.facts,
                    text: one.match.text
                )
            )
        }
    }
}

/// Prints a trial for people.
enum LogTrialText {
    static func text(_ document: LogTrialDocument) -> String {
        var text = "\(document.lines) lines, \(document.records) records\n"
        if !document.metrics.isEmpty {
            var table = TableText(
                header: ["METRIC", "COUNTED", "NOT SELECTED", "WHERE", "UNREADABLE", "SERIES"]
            )
            for metric in document.metrics {
                table.add([
                    metric.name, "\(metric.counted)", "\(metric.notSelected)",
                    "\(metric.conditionFails)", "\(metric.unreadable)", "\(metric.series.count)",
                ])
            }
            text += "\n" + table.text
        }
        for metric in document.metrics {
            if !metric.series.isEmpty { text += "\n" }
            for series in metric.series {
                let value = PrintedNumber.text(series.value)
                text += "\(LabelSet(series.labels.map { Label($0.key, $0.value) }))  \(value)\n"
            }
            guard !metric.examples.isEmpty else { continue }
            text += "\nUnreadable by \(metric.name), the first \(metric.examples.count):\n"
            for line in metric.examples { text += "  \(LogLineText.plain(line))\n" }
        }
        guard !document.rules.isEmpty else { return text }
        var table = TableText(header: ["RULE", "TYPE", "RECORDS", "MATCHES"])
        for rule in document.rules {
            table.add([rule.name, rule.type, "\(rule.records)", "\(rule.matches.count)"])
        }
        text += "\n" + table.text
        for rule in document.rules where !rule.matches.isEmpty {
            text += "\n"
            for match in rule.matches {
                let key = match.key == "all" ? "" : " \(LogLineText.plain(match.key)):"
                text += "\(match.at)  \(rule.name)\(key) \(LogLineText.plain(match.text))\n"
            }
        }
        return text
    }

    private enum PrintedNumber {
        static func text(_ value: Double) -> String {
            value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
        }
    }
}
