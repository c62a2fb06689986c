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
    private let open: (events: Gauge, bytes: Gauge)

    /// What limits and definitions did to a batch.
    private struct Tally {
        var joined = 0
        var cut = 0
        var fragments = 0
        var dropped = 0
        var keysDropped = 0
    }

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
        open = (
            metrics.gauge("tocsin_log_events_open", help: "Lines and events that wait for more."),
            metrics.gauge("tocsin_log_events_open_bytes", help: "Bytes of them.")
        )
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
            var tally = Tally()
            state.left.ready = finished(state.left.ready, state.streams, &tally).map {
                LogJoiner.Ready(record: $0.record, stream: nil, isCounted: $0.isCounted)
            }
            note(tally, state)
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

    /// Prepares a batch, whatever becomes of it then.
    package func take(_ records: [LogRecord]) -> Prepared {
        take(records) { _ in true } ?? Prepared()
    }

    /// Prepares a batch and hands it over.
    ///
    /// Lines that come meanwhile wait while a batch that had to be prepared is handed over, so that each is joined to
    /// what is there to stay. They wait for one batch at a time and no longer than for its counts, which `LogMetrics`
    /// puts into the store one batch at a time anyway; the lock passes to whom waits longest (a PI futex is handed
    /// over, not fought for). What counts and stores knows nothing of preparation, and its gauges are read without the
    /// lock, so nobody can hold both ends. Batches of whole lines without definitions do not wait.
    ///
    /// - Parameters:
    ///   - records: In their order.
    ///   - handOver: Counts what is ready; false when that cannot be. It must not come back here.
    /// - Returns: What was handed over; nil when it was not taken: then nothing of the batch is here, and what was
    ///   open before is open still, so the batch may come again.
    package func take(
        _ records: [LogRecord],
        handOver: (Prepared) -> Bool
    ) -> Prepared? {
        let now = clock.now()
        // Most batches are whole lines that nothing is to be done with.
        let isPlain =
            state.withLock { state in
                state.streams.isEmpty && state.joiner.openCount == 0 && state.left.ready.isEmpty
            } && records.allSatisfy(ContainerLine.isWhole)
        guard !isPlain else {
            let prepared = Prepared(counted: records, kept: records)
            return handOver(prepared) ? prepared : nil
        }
        return state.withLock { state in
            attempt(&state, handOver) { state, outcome in
                for record in records {
                    let index = state.streams.firstIndex { stream in
                        stream.from.allSatisfy { $0.path.find(in: record.fields)?.text == $0.value }
                    }
                    let rules = index.flatMap { state.streams[$0].joining }
                    state.joiner.take(record, index, rules, at: now, &outcome)
                }
                state.joiner.countOpen(&outcome)
            }
        }
    }

    /// Ends events for which nothing has come, or all of them, whatever becomes of them then.
    package func flush(everything: Bool = false) -> Prepared {
        flush(everything: everything) { _ in true } ?? Prepared()
    }

    /// Ends events for which nothing has come, all of them when the service stops, and hands them over.
    ///
    /// - Returns: As `take`; what is not taken is open still.
    package func flush(
        everything: Bool = false,
        handOver: (Prepared) -> Bool
    ) -> Prepared? {
        let now = clock.now()
        return state.withLock { state in
            guard everything || state.joiner.openCount > 0 || !state.left.ready.isEmpty else {
                return Prepared()
            }
            return attempt(&state, handOver) { state, outcome in
                state.joiner.flush(idleAt: everything ? nil : now, &outcome)
            }
        }
    }

    /// Does a piece of work and hands over what it made ready; nil, with everything as it was, when that is not taken.
    private func attempt(
        _ state: inout State,
        _ handOver: (Prepared) -> Bool,
        _ work: (inout State, inout LogJoiner.Outcome) -> Void
    ) -> Prepared? {
        let left = state.left
        var outcome = left
        state.left = LogJoiner.Outcome()
        state.joiner.beginJournal()
        work(&state, &outcome)
        var tally = Tally(
            joined: outcome.joined,
            cut: outcome.cut,
            fragments: outcome.fragments
        )
        let prepared = prepared(outcome, state.streams, &tally)
        guard handOver(prepared) else {
            state.joiner.undo()
            state.left = left
            return nil
        }
        state.joiner.endJournal()
        note(tally, state)
        return prepared
    }

    private func note(_ tally: Tally, _ state: State) {
        if tally.joined > 0 { joined.add(tally.joined) }
        if tally.cut > 0 { cut.add(tally.cut) }
        if tally.fragments > 0 { fragments.add(tally.fragments) }
        if tally.dropped > 0 { dropped.add(tally.dropped) }
        if tally.keysDropped > 0 { keysDropped.add(tally.keysDropped) }
        open.events.set(Double(state.joiner.openCount))
        open.bytes.set(Double(state.joiner.openBytes))
    }

    private func prepared(
        _ outcome: LogJoiner.Outcome,
        _ streams: [Stream],
        _ tally: inout Tally
    ) -> Prepared {
        let ready = finished(outcome.ready, streams, &tally)
        tally.dropped += outcome.ready.count - ready.count
        // What is open is dropped, or loses members, when it is ended.
        var ofOpen = Tally()
        var prepared = Prepared()
        prepared.kept = ready.map(\.record)
        prepared.counted =
            ready.filter { !$0.isCounted }.map(\.record)
            + finished(outcome.open, streams, &ofOpen).map(\.record)
        return prepared
    }

    /// Records as their definitions make them; without those that are left out.
    private func finished(
        _ ready: [LogJoiner.Ready],
        _ streams: [Stream],
        _ tally: inout Tally
    ) -> [LogJoiner.Ready] {
        guard ready.contains(where: { $0.stream != nil }) else { return ready }
        return ready.compactMap { one in
            guard let index = one.stream else { return one }
            let stream = streams[index]
            var one = one
            if let merging = stream.merging {
                tally.keysDropped += merge(&one.record, merging)
            }
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

    /// Adds the members of a JSON text to its record.
    ///
    /// - Returns: How many were left out, as there were too many.
    private func merge(_ record: inout LogRecord, _ merging: LogStreamDefinition.Merging) -> Int {
        guard let index = LogText.index(in: record),
            case .string(let text) = record.fields[index].value,
            let members = LogText.object(in: text, depthMax: settings.jsonDepthMax)
        else { return 0 }
        if !merging.keepsText { record.fields.remove(at: index) }
        var known = Set(record.fields.map(\.name))
        var left = settings.mergedKeysMax
        var leftOut = 0
        for (name, value) in members {
            let name = merging.prefix.isEmpty ? name : "\(merging.prefix).\(name)"
            guard known.insert(name).inserted else { continue }
            guard left > 0 else {
                leftOut += 1
                continue
            }
            left -= 1
            record.fields.append((name, value))
        }
        return leftOut
    }
}
