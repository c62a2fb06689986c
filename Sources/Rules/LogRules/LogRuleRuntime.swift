import FoundationEssentials
import Model
import Timekeeping

/// One rule at work: its memory, its alerts, and the lines that tell of them.
struct LogRuleRuntime: Sendable {
    /// An alert that fires.
    struct Alert: Codable, Sendable {
        var labels: LabelSet
        var firedAt: Timestamp
        var lastMatch: Timestamp
        var summary: String
        var annotations: [String: String]
        var lines: [LogExcerpt]
    }

    /// What is saved.
    private struct Saved: Codable {
        /// Says whether the memory is of the same rule.
        var shape: String
        var evaluator: LogRuleEvaluator
        var alerts: [String: Alert]
        var lastLook: Int64?
        var sources: Set<String>?
    }

    let rule: CompiledLogRule
    private(set) var evaluator: LogRuleEvaluator
    /// Firing alerts by key.
    private(set) var alerts: [String: Alert] = [:]
    /// The step that was looked at last.
    private var lastLook: Int64?
    /// Looks before this moment find absence that may only be the service's own.
    private let graceUntil: Int64
    /// The last matching lines of all keys, oldest first.
    private var recent: [(key: String, line: LogExcerpt)] = []
    /// Pulled sources that records of the rule came from.
    private(set) var sources: Set<String> = []
    /// True when what is saved is older.
    var isDirty = false

    private static let recentMax = 100

    /// A rule with what it remembered, when that was a rule of the same shape.
    ///
    /// - Throws: When what was saved cannot be read.
    init(_ rule: CompiledLogRule, saved: String?, startedAt: Timestamp) throws {
        self.rule = rule
        evaluator = LogRuleEvaluator(rule.definition.kind)
        let grace = startedAt + rule.definition.timeframe + rule.definition.lateness
        graceUntil = grace.milliseconds
        guard let saved else { return }
        let stored = try JSONDecoder().decode(Saved.self, from: Data(saved.utf8))
        // Nobody saw whether it went on meanwhile.
        alerts = stored.alerts.mapValues { alert in
            var alert = alert
            alert.lastMatch = max(alert.lastMatch, startedAt)
            return alert
        }
        guard stored.shape == LogRuleRuntime.shape(rule.definition) else { return }
        evaluator = stored.evaluator
        lastLook = stored.lastLook
        sources = stored.sources ?? []
    }

    /// The same memory for a rule of the same shape; the alerts for any.
    init(_ rule: CompiledLogRule, from other: LogRuleRuntime, startedAt: Timestamp) {
        self.rule = rule
        alerts = other.alerts
        isDirty = true
        if LogRuleRuntime.shape(rule.definition) == LogRuleRuntime.shape(other.rule.definition) {
            evaluator = other.evaluator
            lastLook = other.lastLook
            recent = other.recent
            sources = other.sources
            graceUntil = other.graceUntil
        } else {
            evaluator = LogRuleEvaluator(rule.definition.kind)
            let grace = startedAt + rule.definition.timeframe + rule.definition.lateness
            graceUntil = grace.milliseconds
        }
    }

    /// What the memory depends on: changed thresholds do not make it worthless, another kind or key does.
    private static func shape(_ definition: LogRuleDefinition) -> String {
        let fields =
            switch definition.kind {
            case .any, .blacklist, .whitelist, .frequency, .flatline: ""
            case .spike(_, let field): field ?? ""
            case .change(let fields, _): fields.joined(separator: ",")
            case .newTerm(let fields, _, _, _):
                fields.map { $0.joined(separator: "+") }.joined(separator: ",")
            case .cardinality(let field, _, _): field
            case .metricAggregation(let field, let aggregation, _, _),
                .spikeAggregation(let field, let aggregation, _):
                "\(field) \(aggregation)"
            case .percentageMatch(let match, _, _, _): "\(match)"
            }
        return [
            definition.kind.name, definition.keys.joined(separator: ","),
            definition.timeframe.prometheusText, definition.every.prometheusText, fields,
        ].joined(separator: "|")
    }

    func saved() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let state = Saved(
            shape: LogRuleRuntime.shape(rule.definition),
            evaluator: evaluator,
            alerts: alerts,
            lastLook: lastLook,
            sources: sources.isEmpty ? nil : sources
        )
        return String(decoding: try encoder.encode(state), as: UTF8.self)
    }

    // MARK: Judging

    /// Takes a record; nil when the filter does not let it through.
    mutating func take(
        _ event: inout LogEvent,
        latest: Timestamp,
        _ notes: inout LogRuleEvaluator.Notes
    ) -> [LogMatch]? {
        guard var seen = rule.event(&event) else { return nil }
        // A sender whose clock is ahead must not end the windows of all others.
        seen.at = min(seen.at, latest.milliseconds)
        isDirty = true
        let matches = evaluator.take(seen, rule, &notes)
        if let lastLook, seen.at <= lastLook { notes.late += 1 }
        let isShown =
            switch rule.definition.kind {
            case .any, .change, .blacklist, .whitelist, .newTerm: !matches.isEmpty
            case .frequency, .spike, .flatline, .cardinality, .metricAggregation, .spikeAggregation:
                true
            case .percentageMatch: seen.isCounted
            }
        if isShown { remember(seen.key, event.record) }
        return matches
    }

    /// Records of the rule come from this pulled source.
    mutating func isFed(by source: String) {
        guard sources.count < LogRuleRuntime.sourcesMax else { return }
        sources.insert(source)
    }

    private static let sourcesMax = 64

    /// Looks at the windows at every step that is due.
    ///
    /// - Parameters:
    ///   - now: The clock, less the rule's lateness.
    ///   - notes: Takes what was done besides.
    /// - Returns: Matches of the steps that the service was there to see.
    mutating func look(
        upTo now: Timestamp,
        _ notes: inout LogRuleEvaluator.Notes
    ) -> [LogMatch] {
        let last = now.floored(to: rule.definition.every).milliseconds
        guard let before = lastLook, last - before <= LogRuleRuntime.stepsMax * rule.step else {
            // Steps that nobody was there to see are not made up for.
            lastLook = last
            return []
        }
        var matches: [LogMatch] = []
        var moment = before + rule.step
        while moment <= last {
            let found = evaluator.look(at: moment, rule, &notes)
            if moment >= graceUntil { matches += found }
            lastLook = moment
            isDirty = true
            moment += rule.step
        }
        return matches
    }

    private static let stepsMax: Int64 = 60

    private mutating func remember(_ key: String, _ record: LogRecord) {
        recent.append((key, LogExcerpt(record, bytesMax: rule.settings.lineBytesMax)))
        if recent.count > LogRuleRuntime.recentMax { recent.removeFirst() }
    }

    // MARK: Alerts

    /// Makes an alert of a match, or renews the one that fires; nil when it fires already.
    mutating func raise(_ match: LogMatch, at now: Timestamp) -> Alert? {
        isDirty = true
        let lines = recent.filter { $0.key == match.key }.suffix(rule.settings.linesMax).map(\.line)
        if alerts[match.key] != nil {
            alerts[match.key]?.lastMatch = now
            if !lines.isEmpty { alerts[match.key]?.lines = lines }
            return nil
        }
        let labels = rule.labels(match.key)
        let subject = labels.labels.filter {
            $0.name != "alertname" && rule.definition.labels[$0.name] == nil
        }
        let place = subject.map { " \($0.name)=\($0.value)" }.joined()
        var annotations = rule.definition.annotations.mapValues { rule.expand($0, match, labels) }
        for (name, value) in match.facts where annotations[name] == nil {
            annotations[name] = value
        }
        let alert = Alert(
            labels: labels,
            firedAt: now,
            lastMatch: now,
            summary: "\(rule.definition.name)\(place): \(match.text)",
            annotations: annotations,
            lines: lines
        )
        alerts[match.key] = alert
        return alert
    }

    /// Ends the alerts that have been quiet for long enough, and gives them.
    mutating func endQuiet(at now: Timestamp) -> [Alert] {
        let over = alerts.filter { now - $0.value.lastMatch >= rule.definition.resolveAfter }
        guard !over.isEmpty else { return [] }
        isDirty = true
        for key in over.keys { alerts[key] = nil }
        return over.sorted { $0.key < $1.key }.map(\.value)
    }

    /// Ends one alert by a person's word.
    mutating func end(fingerprint: String) -> Alert? {
        guard
            let found = alerts.first(where: { $0.value.labels.fingerprintText == fingerprint })
        else { return nil }
        alerts[found.key] = nil
        isDirty = true
        return found.value
    }
}

extension CompiledLogRule {
    /// The labels of a key's alert.
    func labels(_ key: String) -> LabelSet {
        var labels = definition.labels
        for (name, value) in keyLabels(key) where !value.isEmpty { labels[name] = value }
        labels["alertname"] = definition.name
        return LabelSet(labels.map { Label($0.key, $0.value) })
    }

    /// A text with `{{ name }}` for each fact and label.
    func expand(_ text: String, _ match: LogMatch, _ labels: LabelSet) -> String {
        var result = ""
        var rest = text[...]
        while let open = rest.firstRange(of: "{{") {
            guard let close = rest[open.upperBound...].firstRange(of: "}}") else { break }
            let name = rest[open.upperBound..<close.lowerBound].filter { $0 != " " }
            result += rest[..<open.lowerBound]
            result += match.facts[name] ?? (name == "text" ? match.text : labels[name])
            rest = rest[close.upperBound...]
        }
        return result + rest
    }
}

extension LogExcerpt {
    /// A record's text, or its fields, in `bytesMax` bytes at most.
    fileprivate init(_ record: LogRecord, bytesMax: Int) {
        let text =
            ["log", "message", "msg"].lazy.compactMap { record[$0] }.first.map(\.text)
            ?? record.fields.filter { $0.name != "kubernetes" }
            .map { "\($0.name)=\($0.value.text)" }.joined(separator: " ")
        let place = ["kubernetes.namespace", "kubernetes.container"].compactMap {
            LogRecord.value(at: $0, in: record.fields)?.text
        }
        var cut = Substring(text)
        while cut.last?.isNewline ?? false { cut = cut.dropLast() }
        if cut.utf8.count > bytesMax {
            var bytes = 0
            cut = cut.prefix { character in
                bytes += character.utf8.count
                return bytes <= bytesMax - 3
            }
            cut += "…"
        }
        self.init(
            at: record.eventTime,
            stream: place.isEmpty ? record.tag : place.joined(separator: "/"),
            text: String(cut)
        )
    }
}
