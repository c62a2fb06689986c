package import Model
import Synchronization
package import Telemetry
package import Timekeeping

/// Prepares records before they are counted, judged and kept: the `log_streams` of the rule files at work.
///
/// Pieces of long lines are put together for every stream, as CRI and Docker cut them; lines of one event, JSON
/// in the text, and what is dropped, are matters of the definition whose `from` fits.
package final class LogPreparation: Sendable {
    /// Records that are ready.
    package struct Prepared: Sendable {
        /// To be counted now.
        package var counted: [LogRecord] = []
        /// Complete: to be judged and kept.
        package var kept: [LogRecord] = []

        package init(counted: [LogRecord] = [], kept: [LogRecord] = []) {
            self.counted = counted
            self.kept = kept
        }
    }

    private struct Stream: Sendable {
        var from: [(path: FieldPath, value: String)]
        var joining: LogJoiner.Rules?
        var merging: LogStreamDefinition.Merging?
        var keep: [LogMetricCondition]
        var drop: [[LogMetricCondition]]
    }

    private struct State {
        var streams: [Stream] = []
        var joiner: LogJoiner
        /// What was open when the definitions were replaced.
        var left = LogJoiner.Outcome()
    }

    private let settings: LogJoinSettings
    private let clock: any WallClock
    private let state: Mutex<State>
    private let joined: Counter
    private let cut: Counter
    private let fragments: Counter
    private let dropped: Counter
    private let keysDropped: Counter

    package init(
        settings: LogJoinSettings = LogJoinSettings(),
        clock: any WallClock,
        metrics: MetricsRegistry
    ) {
        self.settings = settings
        self.clock = clock
        state = Mutex(State(joiner: LogJoiner(settings: settings)))
        joined = metrics.counter(
            "tocsin_log_lines_joined",
            help: "Lines and pieces of lines that were joined to the one before."
        )
        cut = metrics.counter(
            "tocsin_log_joins_cut",
            help: "Events and lines that a limit ended before their last line."
        )
        fragments = metrics.counter(
            "tocsin_log_fragments",
            help: "Lines that go on with an event that has ended: kept, not counted."
        )
        dropped = metrics.counter(
            "tocsin_log_records_filtered",
            help: "Records that keep or drop of log_streams left out."
        )
        keysDropped = metrics.counter(
            "tocsin_log_merged_keys_dropped",
            help: "Members of JSON texts that were not merged, as a record had too many."
        )
        metrics.collect { [weak self] in
            guard let self else { return [] }
            let (open, bytes) = state.withLock { ($0.joiner.openCount, $0.joiner.openBytes) }
            return [
                MetricFamily(
                    "tocsin_log_events_open",
                    help: "Lines and events that wait for more.",
                    kind: .gauge,
                    points: [MetricPoint([], Double(open))]
                ),
                MetricFamily(
                    "tocsin_log_events_open_bytes",
                    help: "Bytes of them.",
                    kind: .gauge,
                    points: [MetricPoint([], Double(bytes))]
                ),
            ]
        }
    }

    /// Takes over a set of definitions; what is open is ended.
    ///
    /// - Throws: Everything that is wrong with them; what was loaded before then stays.
    package func load(_ definitions: [LogStreamDefinition]) throws(LogMetricProblems) {
        var problems: [LogMetricProblem] = []
        var streams: [Stream] = []
        for definition in definitions {
            do {
                streams.append(try LogPreparation.compile(definition))
            } catch {
                problems.append(LogMetricProblem(definition.location, "log stream: \(error)"))
            }
        }
        guard problems.isEmpty else { throw LogMetricProblems(problems) }
        let made = streams
        state.withLock { state in
            state.joiner.reset(&state.left)
            // Their definitions are gone; what was made of them stays.
            state.left.ready = finished(state.left.ready, state.streams).map {
                LogJoiner.Ready(record: $0.record, stream: nil, isCounted: $0.isCounted)
            }
            state.streams = made
        }
    }

    private static func compile(_ definition: LogStreamDefinition) throws -> Stream {
        var joining: LogJoiner.Rules?
        if let multiline = definition.multiline {
            let kind: LogJoiner.Rules.Kind =
                switch multiline.joining {
                case .start(let text): .start(try LinePattern(text))
                case .traces(let languages): .traces(try TraceMachine(languages))
                }
            joining = LogJoiner.Rules(kind: kind, multiline: multiline)
        }
        return Stream(
            from: definition.from.sorted { $0.key < $1.key }.map { (FieldPath($0.key), $0.value) },
            joining: joining,
            merging: definition.merging,
            keep: try definition.keep.map { try LogMetricCondition($0) },
            drop: try definition.drop.map { try $0.map { try LogMetricCondition($0) } }
        )
    }

    /// Prepares a batch.
    package func take(_ records: [LogRecord]) -> Prepared {
        let now = clock.now()
        return state.withLock { state in
            // Most batches are whole lines that nothing is to be done with.
            if state.streams.isEmpty, state.joiner.openCount == 0, state.left.ready.isEmpty,
                records.allSatisfy(ContainerLine.isWhole)
            {
                return Prepared(counted: records, kept: records)
            }
            var outcome = state.left
            state.left = LogJoiner.Outcome()
            for record in records {
                let index = state.streams.firstIndex { stream in
                    stream.from.allSatisfy { $0.path.find(in: record.fields)?.text == $0.value }
                }
                let rules = index.flatMap { state.streams[$0].joining }
                state.joiner.take(record, index, rules, at: now, &outcome)
            }
            state.joiner.countOpen(&outcome)
            return prepared(outcome, state.streams)
        }
    }

    /// Ends events for which nothing has come; all of them when the service stops.
    package func flush(everything: Bool = false) -> Prepared {
        let now = clock.now()
        return state.withLock { state in
            var outcome = state.left
            state.left = LogJoiner.Outcome()
            guard everything || state.joiner.openCount > 0 || !outcome.ready.isEmpty else {
                return Prepared()
            }
            state.joiner.flush(idleAt: everything ? nil : now, &outcome)
            return prepared(outcome, state.streams)
        }
    }

    private func prepared(_ outcome: LogJoiner.Outcome, _ streams: [Stream]) -> Prepared {
        if outcome.joined > 0 { joined.add(outcome.joined) }
        if outcome.cut > 0 { cut.add(outcome.cut) }
        if outcome.fragments > 0 { fragments.add(outcome.fragments) }
        let ready = finished(outcome.ready, streams)
        if ready.count < outcome.ready.count { dropped.add(outcome.ready.count - ready.count) }
        var prepared = Prepared()
        prepared.kept = ready.map(\.record)
        prepared.counted =
            ready.filter { !$0.isCounted }.map(\.record)
            + finished(outcome.open, streams).map(\.record)
        return prepared
    }

    /// Records as their definitions make them; without those that are left out.
    private func finished(
        _ ready: [LogJoiner.Ready],
        _ streams: [Stream]
    ) -> [LogJoiner.Ready] {
        guard ready.contains(where: { $0.stream != nil }) else { return ready }
        return ready.compactMap { one in
            guard let index = one.stream else { return one }
            let stream = streams[index]
            var one = one
            if let merging = stream.merging { merge(&one.record, merging) }
            func holds(_ conditions: [LogMetricCondition]) -> Bool {
                guard conditions.contains(where: { $0.path.find(in: one.record.fields) == nil })
                else {
                    return conditions.allSatisfy { $0.holds($0.path.find(in: one.record.fields)) }
                }
                // Fields of a JSON or logfmt text count as the record's own.
                let parsed = LogText.fields(of: one.record) ?? []
                return conditions.allSatisfy {
                    $0.holds($0.path.find(in: one.record.fields) ?? $0.path.find(in: parsed))
                }
            }
            guard holds(stream.keep), !stream.drop.contains(where: holds) else { return nil }
            return one
        }
    }

    private func merge(_ record: inout LogRecord, _ merging: LogStreamDefinition.Merging) {
        guard let index = LogText.index(in: record),
            case .string(let text) = record.fields[index].value,
            let members = LogText.object(in: text, depthMax: settings.jsonDepthMax)
        else { return }
        if !merging.keepsText { record.fields.remove(at: index) }
        var known = Set(record.fields.map(\.name))
        var left = settings.mergedKeysMax
        for (name, value) in members {
            let name = merging.prefix.isEmpty ? name : "\(merging.prefix).\(name)"
            guard known.insert(name).inserted else { continue }
            guard left > 0 else {
                keysDropped.add()
                continue
            }
            left -= 1
            record.fields.append((name, value))
        }
    }
}
