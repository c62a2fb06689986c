import Model
import Timekeeping

/// The memory of one rule, and its judgement: a pure state machine on event time.
///
/// `take` is called for each record that satisfies the filter, `look` at each step of the rule's `every`.
///
/// - Source: ElastAlert 2's `ruletypes.py`, whose classes are the reference; where this differs, it says so.
struct LogRuleEvaluator: Codable, Sendable {
    /// Memory of the kinds; a rule uses the parts of its own.
    private struct Frequency: Codable, Sendable {
        var windows = KeyTable<EventWindow>()
    }

    private struct Spiking: Codable, Sendable {
        struct Key: Codable, Sendable {
            var reference = EventWindow()
            var current = EventWindow()
            /// Nil once both windows were let go or an alert was raised.
            var firstEvent: Int64?
            var isGone = false
            /// No alert before then.
            var skipUntil: Int64?
        }

        var keys = KeyTable<Key>()
        var wasFilledOnce = false
    }

    private struct Flatline: Codable, Sendable {
        struct Key: Codable, Sendable {
            var window = EventWindow()
            var firstEvent: Int64?
        }

        var keys = KeyTable<Key>()
        /// The key of the newest record since the last look.
        var lastKey: String?
    }

    private struct Changes: Codable, Sendable {
        struct Key: Codable, Sendable {
            var values: [String?]
            var at: Int64
        }

        var keys = KeyTable<Key>()
    }

    private struct Terms: Codable, Sendable {
        /// When each value was seen last, by field and value.
        var seen: [String: Int64] = [:]
        /// When the first record came.
        var since: Int64?
    }

    private struct Cardinality: Codable, Sendable {
        struct Key: Codable, Sendable {
            var seen: [String: Int64] = [:]
            var firstEvent: Int64?
        }

        var keys = KeyTable<Key>()
    }

    private struct Panes: Codable, Sendable {
        var keys = KeyTable<PaneWindow>()
        /// For `spike_aggregation`.
        var spiking = Spiking()
    }

    /// What was done besides matching, for the counters.
    struct Notes: Hashable, Sendable {
        var late = 0
        var forgotten = 0
        var merged = 0
    }

    private var frequency: Frequency?
    private var spiking: Spiking?
    private var flatline: Flatline?
    private var changes: Changes?
    private var terms: Terms?
    private var cardinality: Cardinality?
    private var panes: Panes?
    /// The newest event time seen.
    private(set) var watermark: Int64?

    init(_ kind: LogRuleDefinition.Kind) {
        switch kind {
        case .any, .blacklist, .whitelist: break
        case .frequency: frequency = Frequency()
        case .spike: spiking = Spiking()
        case .flatline: flatline = Flatline()
        case .change: changes = Changes()
        case .newTerm: terms = Terms()
        case .cardinality: cardinality = Cardinality()
        case .metricAggregation, .spikeAggregation, .percentageMatch: panes = Panes()
        }
    }

    // MARK: Records

    /// Takes one record.
    mutating func take(
        _ event: RuleEvent,
        _ rule: CompiledLogRule,
        _ notes: inout Notes
    ) -> [LogMatch] {
        if let watermark, event.at < watermark { notes.late += 1 }
        watermark = max(watermark ?? event.at, event.at)
        switch rule.definition.kind {
        case .any: return [match(event.at, event.key, text: "a record matched")]
        case .blacklist(let field, _):
            guard let value = event.values.first ?? nil, rule.list.contains(value) else {
                return []
            }
            return [
                match(event.at, event.key, [field: value], text: "\(field) is \"\(value)\"")
            ]
        case .whitelist(let field, _, let ignoresNull):
            guard let value = event.values.first ?? nil else {
                guard !ignoresNull else { return [] }
                return [match(event.at, event.key, [field: ""], text: "\(field) is missing")]
            }
            guard !rule.list.contains(value) else { return [] }
            return [
                match(
                    event.at,
                    event.key,
                    [field: value],
                    text: "\(field) is \"\(value)\", which is not in the list"
                )
            ]
        case .frequency(let events): return takeFrequency(event, events, rule, &notes)
        case .spike(let spike, let field):
            var value = 1.0
            if field != nil {
                // ElastAlert takes whole numbers; what is none is passed over.
                guard let number = event.number else { return [] }
                value = number.rounded(.towardZero)
            }
            guard var state = spiking else { return [] }
            spiking = nil
            defer { spiking = state }
            return LogRuleEvaluator.handle(
                event.at,
                value,
                event.key,
                spike,
                reads: field == nil ? .count : .mean,
                rule,
                &state,
                &notes
            )
        case .flatline:
            let result = flatline?.keys.update(
                event.key,
                max: rule.settings.keysMax,
                fresh: { Flatline.Key() }
            ) {
                $0.window.add(
                    EventWindow.Entry(at: event.at, value: 1),
                    timeframe: rule.timeframe,
                    entriesMax: rule.settings.entriesMax
                )
            }
            if let result { note(result, &notes) }
            flatline?.lastKey = event.key
            return []
        case .change(let fields, let ignoresNull):
            return takeChange(event, fields, ignoresNull, rule, &notes)
        case .newTerm(let fields, let window, let learning, let alertsOnMissing):
            return takeTerm(
                event,
                fields,
                window: window.milliseconds,
                learning: learning.milliseconds,
                alertsOnMissing,
                rule,
                &notes
            )
        case .cardinality(_, let most, let least):
            return takeCardinality(event, most, least, rule, &notes)
        case .metricAggregation(_, let aggregation, _, _), .spikeAggregation(_, let aggregation, _):
            takePane(event, aggregation, rule, &notes)
            return []
        case .percentageMatch:
            takePane(event, nil, rule, &notes)
            return []
        }
    }

    private mutating func takeFrequency(
        _ event: RuleEvent,
        _ events: Int,
        _ rule: CompiledLogRule,
        _ notes: inout Notes
    ) -> [LogMatch] {
        let result = frequency?.windows.update(
            event.key,
            max: rule.settings.keysMax,
            fresh: { EventWindow() }
        ) { window -> (merged: Bool, count: Double, newest: Int64) in
            let merged = window.add(
                EventWindow.Entry(at: event.at, value: 1),
                timeframe: rule.timeframe,
                entriesMax: max(events, rule.settings.entriesMax)
            )
            return (merged, window.sum, window.newest ?? event.at)
        }
        guard let result else { return [] }
        note((result.result.merged, result.forgot), &notes)
        guard result.result.count >= Double(events) else { return [] }
        frequency?.windows.remove(event.key)
        let count = LogRuleEvaluator.text(result.result.count)
        return [
            match(
                result.result.newest,
                event.key,
                ["num_events": count],
                text: "\(count) records within \(rule.definition.timeframe.prometheusText)"
            )
        ]
    }

    private mutating func takeChange(
        _ event: RuleEvent,
        _ fields: [String],
        _ ignoresNull: Bool,
        _ rule: CompiledLogRule,
        _ notes: inout Notes
    ) -> [LogMatch] {
        // As in ElastAlert, an empty text and a zero are null here.
        if ignoresNull, event.values.contains(where: { ["", "0", "0.0"].contains($0 ?? "") }) {
            return []
        }
        let known = changes?.keys[event.key]
        // ElastAlert compares in the order of arrival: a late record would be a change there and back.
        if let known, event.at < known.at { return [] }
        let result = changes?.keys.update(
            event.key,
            max: rule.settings.keysMax,
            fresh: { Changes.Key(values: event.values, at: event.at) }
        ) { $0 = Changes.Key(values: event.values, at: event.at) }
        if let result { note((false, result.forgot), &notes) }
        guard let known, known.values != event.values else { return [] }
        if rule.timeframe > 0, event.at - known.at > rule.timeframe { return [] }
        let old = known.values.map { $0 ?? "" }.joined(separator: ", ")
        let new = event.values.map { $0 ?? "" }.joined(separator: ", ")
        return [
            match(
                event.at,
                event.key,
                ["old_value": old, "new_value": new],
                text: "\(fields.joined(separator: ", ")) changed from \"\(old)\" to \"\(new)\""
            )
        ]
    }

    private mutating func takeTerm(
        _ event: RuleEvent,
        _ fields: [[String]],
        window: Int64,
        learning: Int64,
        _ alertsOnMissing: Bool,
        _ rule: CompiledLogRule,
        _ notes: inout Notes
    ) -> [LogMatch] {
        guard var state = terms else { return [] }
        terms = nil
        defer { terms = state }
        let since = state.since ?? event.at
        state.since = since
        var matches: [LogMatch] = []
        var index = 0
        for field in fields {
            let values = event.values[index..<index + field.count]
            index += field.count
            let name = field.joined(separator: ", ")
            // As in ElastAlert, an empty text and a zero are missing here.
            guard !values.contains(where: { ["", "0", "0.0", "false"].contains($0 ?? "") }) else {
                guard alertsOnMissing else { continue }
                matches.append(
                    match(event.at, event.key, ["missing_field": name], text: "\(name) is missing")
                )
                continue
            }
            let text = values.map { $0 ?? "" }.joined(separator: ", ")
            let term = name + "\u{0}" + values.map { $0 ?? "" }.joined(separator: "\u{0}")
            let last = state.seen[term]
            state.seen[term] = max(last ?? event.at, event.at)
            // A value that was not seen for a whole window is new again; ElastAlert forgets when it restarts.
            let isKnown = last.map { event.at - $0 <= window } ?? false
            if last == nil, SeenValues.trim(&state.seen, max: rule.settings.valuesMax) {
                notes.forgotten += 1
            }
            guard !isKnown, event.at - since >= learning else { continue }
            matches.append(
                match(
                    event.at,
                    event.key,
                    ["new_field": name, "value": text],
                    text: "\(name) has the new value \"\(text)\""
                )
            )
        }
        return matches
    }

    // MARK: Cardinality

    private mutating func takeCardinality(
        _ event: RuleEvent,
        _ most: Int?,
        _ least: Int?,
        _ rule: CompiledLogRule,
        _ notes: inout Notes
    ) -> [LogMatch] {
        let value = event.values.first ?? nil
        let result = cardinality?.keys.update(
            event.key,
            max: rule.settings.keysMax,
            fresh: { Cardinality.Key() }
        ) { key -> Bool in
            key.firstEvent = key.firstEvent ?? event.at
            guard let value else { return false }
            // A late record does not make a value older.
            key.seen[value] = max(key.seen[value] ?? event.at, event.at)
            return SeenValues.trim(&key.seen, max: rule.settings.valuesMax)
        }
        if let result { note((result.result, result.forgot), &notes) }
        guard value != nil, isOutside(event.key, event.at, most, least, rule.timeframe) else {
            return []
        }
        var matches = collectCardinality(event.at, most, least, rule)
        if isOutside(event.key, event.at, most, least, rule.timeframe) {
            matches.append(cardinalityMatch(event.key, event.at, most, least, rule))
        }
        return matches
    }

    /// Forgets what is older than the timeframe, and judges too few values.
    private mutating func collectCardinality(
        _ now: Int64,
        _ most: Int?,
        _ least: Int?,
        _ rule: CompiledLogRule
    ) -> [LogMatch] {
        var matches: [LogMatch] = []
        for key in cardinality?.keys.keys ?? [] {
            _ = cardinality?.keys.update(
                key,
                max: rule.settings.keysMax,
                fresh: { Cardinality.Key() }
            ) { one in one.seen = one.seen.filter { now - $0.value <= rule.timeframe } }
            if least != nil, isOutside(key, now, most, least, rule.timeframe) {
                matches.append(cardinalityMatch(key, now, most, least, rule))
            }
        }
        return matches
    }

    private func isOutside(
        _ key: String,
        _ at: Int64,
        _ most: Int?,
        _ least: Int?,
        _ timeframe: Int64
    ) -> Bool {
        guard let one = cardinality?.keys[key] else { return false }
        if let most, one.seen.count > most { return true }
        guard let least, one.seen.count < least else { return false }
        return at - (one.firstEvent ?? at) > timeframe
    }

    private mutating func cardinalityMatch(
        _ key: String,
        _ at: Int64,
        _ most: Int?,
        _ least: Int?,
        _ rule: CompiledLogRule
    ) -> LogMatch {
        let count = cardinality?.keys[key]?.seen.count ?? 0
        _ = cardinality?.keys.update(
            key,
            max: rule.settings.keysMax,
            fresh: { Cardinality.Key() }
        ) { $0.firstEvent = nil }
        let bound = most.map { count > $0 ? "more than \($0)" : "" } ?? ""
        return match(
            at,
            key,
            ["cardinality": "\(count)"],
            text: "\(count) different values within \(rule.definition.timeframe.prometheusText), "
                + (bound.isEmpty ? "fewer than \(least ?? 0)" : bound)
        )
    }

    // MARK: Spikes

    /// What a spike compares of its windows.
    private enum Reading {
        case count, mean, least, most

        func value(_ window: EventWindow) -> Double? {
            switch self {
            case .count: window.sum
            case .mean: window.mean
            case .least: window.least
            case .most: window.most
            }
        }
    }

    /// Takes an event, or without a value the passing of time.
    private static func handle(
        _ at: Int64,
        _ value: Double?,
        _ key: String,
        _ spike: LogRuleDefinition.Spike,
        reads reading: Reading,
        _ rule: CompiledLogRule,
        _ state: inout Spiking,
        _ notes: inout Notes
    ) -> [LogMatch] {
        let wasFilledOnce = state.wasFilledOnce
        let result = state.keys.update(
            key,
            max: rule.settings.keysMax,
            fresh: { Spiking.Key() }
        ) { one -> (merged: Bool, isFilled: Bool, match: LogMatch?) in
            one.isGone = false
            let first = one.firstEvent ?? at
            one.firstEvent = first
            var left: [EventWindow.Entry] = []
            var merged = one.current.add(
                EventWindow.Entry(at: at, value: value),
                timeframe: rule.timeframe,
                entriesMax: rule.settings.entriesMax
            ) { left.append($0) }
            for entry in left {
                let more = one.reference.add(
                    entry,
                    timeframe: rule.timeframe,
                    entriesMax: rule.settings.entriesMax
                )
                merged = merged || more
            }
            let isFilled = at - first >= 2 * rule.timeframe
            if !isFilled {
                guard wasFilledOnce, !rule.definition.keys.isEmpty, spike.alertsOnNewKeys,
                    one.skipUntil.map({ at >= $0 }) ?? true
                else { return (merged, false, nil) }
            }
            let reference = reading.value(one.reference)
            let current = reading.value(one.current)
            guard
                LogRuleEvaluator.isSpike(
                    reference,
                    current,
                    spike,
                    isMean: reading == .mean && rule.isFieldSpike
                )
            else { return (merged, isFilled, nil) }
            // The first event of the window stands for it; without any, its end.
            let began = one.current.entries.first {
                $0.values > 0 && ($0.sum != 0 || reading != .count)
            }?.at
            let moment = began ?? one.current.newest ?? at
            one.reference.clear()
            one.firstEvent = nil
            one.skipUntil = moment + 2 * rule.timeframe
            let (was, has) = (
                LogRuleEvaluator.text(reference ?? 0), LogRuleEvaluator.text(current ?? 0)
            )
            let match = LogMatch(
                at: Timestamp(milliseconds: moment),
                key: key,
                facts: ["reference_count": was, "spike_count": has],
                text: "\(has) within \(rule.definition.timeframe.prometheusText), \(was) in the "
                    + "\(rule.definition.timeframe.prometheusText) before"
            )
            return (merged, isFilled, match)
        }
        if result.forgot { notes.forgotten += 1 }
        if result.result.merged { notes.merged += 1 }
        if result.result.isFilled { state.wasFilledOnce = true }
        return result.result.match.map { [$0] } ?? []
    }

    private static func isSpike(
        _ reference: Double?,
        _ current: Double?,
        _ spike: LogRuleDefinition.Spike,
        isMean: Bool
    ) -> Bool {
        guard let reference, let current else { return false }
        if isMean {
            guard reference != 0, current != 0 else { return false }
        } else {
            guard current >= spike.currentMin, reference >= spike.referenceMin else { return false }
            // Nothing after nothing is no spike; ElastAlert says it is one.
            guard reference != 0 || current != 0 else { return false }
        }
        let isDown = current <= reference / spike.height
        let isUp = current >= reference * spike.height
        return switch spike.direction {
        case .up: isUp
        case .down: isDown
        case .both: isUp || isDown
        }
    }

    // MARK: Looking

    /// Judges what depends on time: what is missing, and what is computed over windows.
    ///
    /// - Parameters:
    ///   - now: A step of the rule's `every`; records up to it have been taken.
    ///   - rule: The rule.
    ///   - notes: Takes what was done besides.
    /// - Returns: What was found.
    mutating func look(
        at now: Int64,
        _ rule: CompiledLogRule,
        _ notes: inout Notes
    ) -> [LogMatch] {
        switch rule.definition.kind {
        case .any, .blacklist, .whitelist, .change: return []
        case .frequency:
            for key in frequency?.windows.keys ?? [] {
                if let newest = frequency?.windows[key]?.newest, now - newest > rule.timeframe {
                    frequency?.windows.remove(key)
                }
            }
            return []
        case .newTerm(_, let window, _, _):
            if let terms, terms.seen.contains(where: { now - $0.value > window.milliseconds }) {
                self.terms?.seen = terms.seen.filter { now - $0.value <= window.milliseconds }
            }
            return []
        case .cardinality(_, let most, let least):
            return collectCardinality(now, most, least, rule)
        case .spike(let spike, let field):
            guard var state = spiking else { return [] }
            spiking = nil
            defer { spiking = state }
            return LogRuleEvaluator.pass(
                now,
                spike,
                reads: field == nil ? .count : .mean,
                rule,
                &state,
                &notes
            )
        case .flatline(let threshold, let forgetsKeys):
            return lookFlatline(now, threshold, forgetsKeys, rule, &notes)
        case .metricAggregation(let field, let aggregation, let most, let least):
            return lookPanes(now, rule) { key, window in
                guard let value = window.value(aggregation),
                    value > most ?? .infinity
                        || value < least ?? -.infinity
                else { return nil }
                let text = LogRuleEvaluator.text(value)
                return LogMatch(
                    at: Timestamp(milliseconds: now),
                    key: key,
                    facts: ["metric_\(field)_\(aggregation.name)": text],
                    text: "\(aggregation.name) of \(field) is \(text) over "
                        + "\(rule.definition.timeframe.prometheusText), "
                        + (value > most ?? .infinity
                            ? "more than \(LogRuleEvaluator.text(most ?? 0))"
                            : "less than \(LogRuleEvaluator.text(least ?? 0))")
                )
            }
        case .percentageMatch(_, let most, let least, let denominatorMin):
            return lookPanes(now, rule) { key, window in
                let total = window.records
                guard total > 0, total >= denominatorMin else { return nil }
                let percentage = Double(window.counted) / Double(total) * 100
                guard percentage > most ?? .infinity || percentage < least ?? -.infinity else {
                    return nil
                }
                let text = LogRuleEvaluator.text((percentage * 100).rounded() / 100)
                return LogMatch(
                    at: Timestamp(milliseconds: now),
                    key: key,
                    facts: ["percentage": "\(percentage)", "denominator": "\(total)"],
                    text: "\(text) % of \(total) records within "
                        + "\(rule.definition.timeframe.prometheusText), "
                        + (percentage > most ?? .infinity
                            ? "more than \(LogRuleEvaluator.text(most ?? 0)) %"
                            : "less than \(LogRuleEvaluator.text(least ?? 0)) %")
                )
            }
        case .spikeAggregation(_, let aggregation, let spike):
            return lookSpikeAggregation(now, aggregation, spike, rule, &notes)
        }
    }

    private static func pass(
        _ now: Int64,
        _ spike: LogRuleDefinition.Spike,
        reads reading: Reading,
        _ rule: CompiledLogRule,
        _ state: inout Spiking,
        _ notes: inout Notes
    ) -> [LogMatch] {
        var matches: [LogMatch] = []
        for key in state.keys.keys {
            guard let one = state.keys[key], !one.isGone else { continue }
            if !rule.definition.keys.isEmpty, one.reference.sum == 0, one.current.sum == 0 {
                _ = state.keys.update(key, max: .max, fresh: { Spiking.Key() }) {
                    $0.reference.clear()
                    $0.current.clear()
                    $0.isGone = true
                }
                continue
            }
            matches += handle(now, nil, key, spike, reads: reading, rule, &state, &notes)
        }
        return matches
    }

    private mutating func lookFlatline(
        _ now: Int64,
        _ threshold: Int,
        _ forgetsKeys: Bool,
        _ rule: CompiledLogRule,
        _ notes: inout Notes
    ) -> [LogMatch] {
        var matches: [LogMatch] = []
        if let key = flatline?.lastKey {
            flatline?.lastKey = nil
            matches += judgeFlatline(key, threshold, forgetsKeys, rule)
        }
        var keys = flatline?.keys.keys ?? []
        // Without keys, silence counts from the start on, even when there never was a record.
        if keys.isEmpty, rule.definition.keys.isEmpty { keys = [CompiledLogRule.allKeys] }
        for key in keys {
            let result = flatline?.keys.update(
                key,
                max: rule.settings.keysMax,
                fresh: { Flatline.Key() }
            ) { one -> Bool in
                one.firstEvent = one.firstEvent ?? now
                return one.window.add(
                    EventWindow.Entry(at: now, value: nil),
                    timeframe: rule.timeframe,
                    entriesMax: rule.settings.entriesMax
                )
            }
            if let result { note(result, &notes) }
            matches += judgeFlatline(key, threshold, forgetsKeys, rule)
        }
        return matches
    }

    private mutating func judgeFlatline(
        _ key: String,
        _ threshold: Int,
        _ forgetsKeys: Bool,
        _ rule: CompiledLogRule
    ) -> [LogMatch] {
        guard var one = flatline?.keys[key], let newest = one.window.newest,
            let oldest = one.window.oldest
        else { return [] }
        let first = one.firstEvent ?? newest
        one.firstEvent = first
        defer {
            if one.firstEvent == nil {
                flatline?.keys.remove(key)
            } else {
                let kept = one
                _ = flatline?.keys.update(key, max: .max, fresh: { kept }) { $0 = kept }
            }
        }
        guard newest - first >= rule.timeframe, one.window.sum < Double(threshold) else {
            return []
        }
        one.firstEvent = forgetsKeys ? nil : min(oldest, newest - rule.timeframe)
        let count = LogRuleEvaluator.text(one.window.sum)
        return [
            match(
                newest,
                key,
                ["count": count, "threshold": "\(threshold)"],
                text: "\(count) records within \(rule.definition.timeframe.prometheusText), fewer "
                    + "than \(threshold)"
            )
        ]
    }

    // MARK: Panes

    private mutating func takePane(
        _ event: RuleEvent,
        _ aggregation: LogRuleDefinition.Aggregation?,
        _ rule: CompiledLogRule,
        _ notes: inout Notes
    ) {
        let result = panes?.keys.update(
            event.key,
            max: rule.settings.keysMax,
            fresh: { PaneWindow() }
        ) { window in
            window.take(
                event,
                aggregation,
                step: rule.step,
                panesMax: rule.panes,
                valuesMax: rule.settings.valuesMax
            )
        }
        if let result { note(result, &notes) }
    }

    /// Judges each key that has records in the window; one without keys always.
    private mutating func lookPanes(
        _ now: Int64,
        _ rule: CompiledLogRule,
        steps: Int? = nil,
        _ judge: (String, PaneWindow.Summary) -> LogMatch?
    ) -> [LogMatch] {
        var keys = panes?.keys.keys ?? []
        if keys.isEmpty, rule.definition.keys.isEmpty { keys = [CompiledLogRule.allKeys] }
        var matches: [LogMatch] = []
        for key in keys {
            let summary = panes?.keys.update(
                key,
                max: rule.settings.keysMax,
                fresh: { PaneWindow() }
            ) { $0.summary(endingAt: now, step: rule.step, panes: steps ?? rule.panes) }.result
            guard let summary else { continue }
            if summary.records == 0, !rule.definition.keys.isEmpty {
                panes?.keys.remove(key)
                continue
            }
            if let match = judge(key, summary) { matches.append(match) }
        }
        return matches
    }

    private mutating func lookSpikeAggregation(
        _ now: Int64,
        _ aggregation: LogRuleDefinition.Aggregation,
        _ spike: LogRuleDefinition.Spike,
        _ rule: CompiledLogRule,
        _ notes: inout Notes
    ) -> [LogMatch] {
        var values: [(key: String, value: Double)] = []
        // One look's worth of records is one value of the windows.
        _ = lookPanes(now, rule, steps: 1) { key, summary in
            if let value = summary.value(aggregation) { values.append((key, value)) }
            return nil
        }
        let reading: Reading =
            switch aggregation {
            case .average: .mean
            case .min: .least
            case .max: .most
            case .sum, .valueCount, .cardinality, .percentile: .count
            }
        guard var state = panes?.spiking else { return [] }
        defer { panes?.spiking = state }
        var matches: [LogMatch] = []
        for (key, value) in values {
            matches += LogRuleEvaluator.handle(
                now,
                value,
                key,
                spike,
                reads: reading,
                rule,
                &state,
                &notes
            )
        }
        return matches + LogRuleEvaluator.pass(now, spike, reads: reading, rule, &state, &notes)
    }

    // MARK: Words

    private func match(
        _ at: Int64,
        _ key: String,
        _ facts: [String: String] = [:],
        text: String
    ) -> LogMatch {
        LogMatch(at: Timestamp(milliseconds: at), key: key, facts: facts, text: text)
    }

    private func note(_ result: (result: Bool, forgot: Bool), _ notes: inout Notes) {
        if result.forgot { notes.forgotten += 1 }
        if result.result { notes.merged += 1 }
    }

    static func text(_ number: Double) -> String {
        number == number.rounded() && abs(number) < 1e15 ? "\(Int64(number))" : "\(number)"
    }
}
