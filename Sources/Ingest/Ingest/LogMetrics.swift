import Matching
package import Model
import Synchronization
package import Telemetry
package import Timekeeping

/// Turns log records into series: the `log_metrics` of the rule files at work.
///
/// Counters are cumulative for each set of labels and exact whatever the volume. A series gets one sample a
/// slot (`LogMetricSettings.resolution`), revised in place while the slot lasts, so that a count is in the rings
/// before its record is acknowledged and a busy series still costs one sample a second. A slot `(s - w, s]` is
/// stamped `s - w + 1 ms`: never in the future, and always within the minute that the events belong to.
///
/// A counter begins with a 0 one heartbeat before its first count, so that `increase` sees the first events;
/// quiet series repeat their value every heartbeat. A counter goes on from where an earlier process left it in
/// the rings (`resume`): begun again at 0, it would hide the first counts of a restart behind the old total.
package final class LogMetrics: Sendable {
    /// What the loaded definitions amount to; replaced as a whole.
    private struct Program: Sendable {
        var pipelines: [LogMetricPipeline] = []
        var parsings: [LogMetricPipeline.Parsing] = []
    }

    private struct State {
        var program = Program()
        var tables: [Int: LogMetricTable] = [:]
        var tableIDs: [LogMetricTable.Shape: Int] = [:]
        var nextTable = 0
        var instruments: [Int: Instruments] = [:]
        /// Metrics whose guard has been warned about since the last load.
        var warned: Set<Int> = []
        /// Tables that have not yet been told what the rings hold of their series.
        var unresumed: Set<Int> = []
    }

    private struct Instruments {
        let observed: Counter
        let unparsed: Counter
        let late: Counter
        let folded: Counter
        let series: Gauge
    }

    private let settings: LogMetricSettings
    private let resumes: Bool
    private let savedTotals: (any LogTotalReading)?
    private let board: PullBoard
    private let clock: any WallClock
    private let metrics: MetricsRegistry
    private let log: Log
    /// Held while changed values go to the store, so that totals arrive there in the order in which they grew.
    private let state = Mutex(State())
    /// Who feeds which metric, as of the last tick: rules ask, and must not wait for a page that is on its way in.
    private let feeders = Mutex<[(shape: LogMetricTable.Shape, feeders: UInt64)]>([])

    /// No metric yet.
    ///
    /// - Parameters:
    ///   - settings: Spans and limits.
    ///   - resumes: Nothing is counted into a metric that was loaded until `resume` has told what the rings hold
    ///     of it.
    ///   - totals: What pulled pages left, which may be ahead of the rings.
    ///   - board: Says how far pulled sources are read.
    ///   - clock: Dates what is counted by arrival.
    ///   - metrics: Where the counters of the counters go.
    ///   - log: Told of too many series and of refused samples.
    package init(
        settings: LogMetricSettings = LogMetricSettings(),
        resumes: Bool = false,
        totals: (any LogTotalReading)? = nil,
        board: PullBoard = PullBoard(),
        clock: any WallClock,
        metrics: MetricsRegistry,
        log: Log
    ) {
        precondition(settings.resolution > .zero && settings.heartbeat > .zero, "positive spans")
        self.settings = settings
        self.resumes = resumes
        savedTotals = totals
        self.board = board
        self.clock = clock
        self.metrics = metrics
        self.log = log
    }

    // MARK: Loading

    /// Takes over a set of definitions; series whose metric, labels and kind stay keep their totals.
    ///
    /// - Throws: Everything that is wrong with them; what was loaded before then stays.
    package func load(_ definitions: [LogMetricDefinition]) throws(LogMetricProblems) {
        var problems: [LogMetricProblem] = []
        var compiled: [LogMetricCompiler.Output] = []
        var shapes: [String: (shape: LogMetricTable.Shape, location: SourceLocation)] = [:]
        var parsings = LogMetricCompiler.Parsings(jsonDepthMax: settings.jsonDepthMax)
        for definition in definitions {
            do {
                let output = try LogMetricCompiler.compile(definition, &parsings)
                if let known = shapes[definition.name], known.shape != output.shape {
                    problems.append(
                        LogMetricProblem(
                            definition.location,
                            "log metric \"\(definition.name)\" is already defined at "
                                + "\(known.location) with other labels or another type; "
                                + "give both the same labels and type, or rename one of them"
                        )
                    )
                }
                shapes[definition.name] = (output.shape, definition.location)
                compiled.append(output)
            } catch {
                problems += error.problems
            }
        }
        guard problems.isEmpty else { throw LogMetricProblems(problems) }
        let made = parsings.all
        state.withLock { install(compiled, made, &$0) }
    }

    private func install(
        _ compiled: [LogMetricCompiler.Output],
        _ parsings: [LogMetricPipeline.Parsing],
        _ state: inout State
    ) {
        var program = Program(parsings: parsings)
        var kept: Set<Int> = []
        for output in compiled {
            let id = state.tableIDs[output.shape] ?? state.nextTable
            if state.tables[id] == nil {
                state.tableIDs[output.shape] = id
                state.nextTable += 1
                state.tables[id] = LogMetricTable(output.shape, seriesMax: output.seriesMax)
                state.instruments[id] = instruments(output.shape.name)
                if resumes { state.unresumed.insert(id) }
            }
            // Several definitions of one metric: the largest limit counts.
            let isFirst = kept.insert(id).inserted
            let current = isFirst ? 0 : state.tables[id]?.seriesMax ?? 0
            state.tables[id]?.seriesMax = max(current, output.seriesMax)
            program.pipelines.append(
                output.pipeline(table: id, labelValueBytesMax: settings.labelValueBytesMax)
            )
        }
        for (shape, id) in state.tableIDs where !kept.contains(id) {
            state.tableIDs[shape] = nil
            state.tables[id] = nil
            state.instruments[id]?.series.set(0)
            state.instruments[id] = nil
            state.unresumed.remove(id)
        }
        state.warned = []
        state.program = program
    }

    private func instruments(_ name: String) -> Instruments {
        let labels = [(name: "metric", value: name)]
        return Instruments(
            observed: metrics.counter(
                "tocsin_log_metric_records",
                help: "Records that a log metric counted.",
                labels: labels
            ),
            unparsed: metrics.counter(
                "tocsin_log_metric_unparsed",
                help: "Records whose text or value a log metric could not read.",
                labels: labels
            ),
            late: metrics.counter(
                "tocsin_log_metric_late",
                help: "Records counted later than their event time says.",
                labels: labels
            ),
            folded: metrics.counter(
                "tocsin_log_metric_series_dropped",
                help: "Records counted under \"other\" because the metric has too many series.",
                labels: labels
            ),
            series: metrics.gauge(
                "tocsin_log_metric_series",
                help: "Series of a log metric.",
                labels: labels
            )
        )
    }

    /// Takes over the totals that counters and histograms have in the rings; call it once the rings are back after
    /// a start, and after each `load` behind that.
    ///
    /// - Throws: Why the rings or the saved totals cannot be read; what was loaded since then still counts nothing.
    package func resume(from rings: any SeriesReading) throws {
        let now = clock.now().milliseconds
        let shapes = state.withLock { state in
            state.tableIDs.filter { state.unresumed.contains($0.value) }
        }
        guard !shapes.isEmpty else { return }
        let since = now - settings.idleMax.milliseconds
        let saved = Dictionary(grouping: try savedTotals?.loadLogTotals() ?? []) { $0.shape }
        for (shape, id) in shapes {
            let left = LogMetricResumption.merged(
                try LogMetricResumption.left(of: shape, in: rings, since: since, now: now),
                with: (saved[shape.text] ?? []).filter { $0.stamp >= since },
                bit: board.bit(of:)
            )
            state.withLock { state in
                guard state.unresumed.remove(id) != nil else { return }
                for one in left { state.tables[id]?.restore(one, at: now) }
            }
        }
    }

    // MARK: Trying

    /// What a metric makes of a record.
    package enum Outcome: Sendable {
        case counted
        /// `from` does not select it.
        case notSelected
        /// A condition of `where` does not hold.
        case conditionFails
        /// Its text or its value cannot be read.
        case unreadable
    }

    /// What each metric would make of a record, by its name; nothing is counted.
    ///
    /// Of several definitions of one metric the best outcome counts.
    package func outcomes(of record: LogRecord) -> [(metric: String, outcome: Outcome)] {
        let (program, names) = state.withLock { state in
            (state.program, state.tables.mapValues(\.shape.name))
        }
        var best: [Int: Outcome] = [:]
        for pipeline in program.pipelines {
            let outcome = pipeline.judge(record) {
                program.parsings[pipeline.parsing].parse(record)
            }
            switch (outcome, best[pipeline.table]) {
            case (.observed, _): best[pipeline.table] = .counted
            case (_, .counted): break
            case (.noMatch, _): best[pipeline.table] = .conditionFails
            case (_, .conditionFails): break
            case (.unparsed, _): best[pipeline.table] = .unreadable
            case (.unselected, nil): best[pipeline.table] = .notSelected
            case (.unselected, _): break
            }
        }
        return best.sorted { $0.key < $1.key }.compactMap { table, outcome in
            names[table].map { ($0, outcome) }
        }
    }

    /// Every series as it stands; of a histogram its sum and count.
    package var totals: [(metric: String, series: LabelSet, value: Double)] {
        state.withLock { state in
            state.tables.sorted { $0.key < $1.key }.flatMap { _, table in
                table.totals.map { (table.shape.name, $0.series, $0.value) }
            }
        }
    }

    // MARK: Counting

    /// False while `resume` is waited for.
    package var isReady: Bool { state.withLock { $0.unresumed.isEmpty } }

    /// Counts the records and puts what changed into the rings; returns when it is there.
    ///
    /// - Parameters:
    ///   - records: In any order.
    ///   - store: Takes the samples.
    ///   - mayComeAgain: When the store refuses samples as `stopping` or `notStored`, none of the records is counted;
    ///     else they are, and reach the rings with the next sample of their series.
    ///   - source: Where they are from; nil when that is not known.
    ///   - commit: Called before anything reaches the rings, with the totals that the records lead to. When it throws
    ///     none of the records is counted; once it returned they are, whatever the store says.
    /// - Returns: What became of the samples; nil, with nothing counted, while `resume` is waited for.
    @discardableResult
    package func count(
        _ records: [LogRecord],
        into store: any SampleAppending,
        mayComeAgain: Bool = true,
        from source: String? = nil,
        commit: (@Sendable ([LogTotal]) throws -> Void)? = nil
    ) -> AppendResult? {
        let (program, isReady) = state.withLock { ($0.program, $0.unresumed.isEmpty) }
        guard !program.pipelines.isEmpty else {
            return LogMetrics.committed([], commit, records.count) ?? AppendResult()
        }
        guard isReady else { return nil }
        var observations: [LogMetricObservation] = []
        var unparsed: [Int: Int] = [:]
        for record in records {
            LogMetrics.judge(record, program, &observations, &unparsed)
        }
        guard !observations.isEmpty || !unparsed.isEmpty else {
            return LogMetrics.committed([], commit, records.count) ?? AppendResult()
        }
        // In order of event time, so that a batch that is out of order within itself is not late.
        if observations.contains(where: { $0.eventTime != nil }) {
            observations.sort { ($0.eventTime ?? .max) < ($1.eventTime ?? .max) }
        }
        let now = clock.now().milliseconds
        let ready = observations
        let missed = unparsed
        let feeder = board.bit(of: source)
        return state.withLock { state in
            var touched: Set<Int> = []
            for observation in ready where !touched.contains(observation.table) {
                touched.insert(observation.table)
                state.tables[observation.table]?.beginJournal()
            }
            var effects: [(table: Int, effect: LogMetricTable.Effect)] = []
            for observation in ready {
                guard let effect = apply(observation, feeder, now, &state) else { continue }
                effects.append((observation.table, effect))
            }
            if let commit {
                let totals = touched.sorted().flatMap { id in
                    state.tables[id]?.changedTotals(source ?? "") ?? []
                }
                if let refusal = LogMetrics.committed(totals, commit, records.count) {
                    for id in touched { state.tables[id]?.undo() }
                    return refusal
                }
            }
            let result = emit(touched.sorted(), &state, into: store)
            let isKept = result.refused[.stopping] == nil && result.refused[.notStored] == nil
            guard isKept || !mayComeAgain || commit != nil else {
                for id in touched { state.tables[id]?.undo() }
                return result
            }
            for id in touched { state.tables[id]?.endJournal() }
            for (table, count) in missed { state.instruments[table]?.unparsed.add(count) }
            for (table, effect) in effects { note(effect, table, &state) }
            return result
        }
    }

    /// Commits; the refusal of all when that fails.
    private static func committed(
        _ totals: [LogTotal],
        _ commit: (@Sendable ([LogTotal]) throws -> Void)?,
        _ count: Int
    ) -> AppendResult? {
        do {
            try commit?(totals)
            return nil
        } catch {
            var result = AppendResult()
            result.refuse(
                .notStored,
                samples: count,
                "how far the source is read cannot be saved: \(error)"
            )
            return result
        }
    }

    /// Lets quiet series repeat their value and forgets idle ones; call every few seconds.
    package func tick(into store: any SampleAppending) {
        let now = clock.now().milliseconds
        state.withLock { state in
            let byEvent = Set(state.program.pipelines.filter(\.usesEventTime).map(\.table))
            for (id, table) in state.tables {
                let lagging = now - settings.eventLag.milliseconds
                let moment = byEvent.contains(id) ? max(lagging, table.newestStamp) : now
                // What a pulled source feeds is known to be quiet only as far as the source is read.
                var known: [UInt64: Int64] = [:]
                for feeders in table.feeders {
                    let seen = board.seenTo(feeders, byEvent: byEvent.contains(id))
                    known[feeders] = slot(min(moment, now, seen?.milliseconds ?? now))
                }
                state.tables[id]?.keepAlive(
                    stamps: known,
                    heartbeat: settings.heartbeat.milliseconds,
                    idleSince: now - settings.idleMax.milliseconds
                )
            }
            emit(state.tables.keys.sorted(), &state, into: store)
            guard !board.isEmpty else { return }
            let fed = state.tables.values.map { table in
                (shape: table.shape, feeders: table.feeders.reduce(UInt64(0), |))
            }
            feeders.withLock { $0 = fed }
        }
    }

    private static func judge(
        _ record: LogRecord,
        _ program: Program,
        _ observations: inout [LogMetricObservation],
        _ unparsed: inout [Int: Int]
    ) {
        var parsed: [LogMetricPipeline.Parsed?] = Array(
            repeating: nil,
            count: program.parsings.count
        )
        // Several definitions of one metric may each read a format of their own: a record is unread only when
        // none of them read it.
        var failed: Set<Int> = []
        var read: Set<Int> = []
        for pipeline in program.pipelines {
            let outcome = pipeline.judge(record) {
                if let known = parsed[pipeline.parsing] { return known }
                let made = program.parsings[pipeline.parsing].parse(record)
                parsed[pipeline.parsing] = made
                return made
            }
            switch outcome {
            case .unselected: break
            case .unparsed: failed.insert(pipeline.table)
            case .noMatch: read.insert(pipeline.table)
            case .observed(let observation):
                read.insert(pipeline.table)
                observations.append(observation)
            }
        }
        for table in failed.subtracting(read) { unparsed[table, default: 0] += 1 }
    }

    /// Adds one observation to its table; nil when a reload has removed the table meanwhile.
    private func apply(
        _ observation: LogMetricObservation,
        _ feeder: UInt64,
        _ now: Int64,
        _ state: inout State
    ) -> LogMetricTable.Effect? {
        var moment = observation.eventTime ?? now
        var isLate = false
        if moment > now {
            moment = now
        } else if moment < now - settings.eventAgeMax.milliseconds {
            moment = now
            isLate = true
        }
        var effect = state.tables[observation.table]?.add(
            observation.labels,
            observation.value,
            stamp: slot(moment),
            at: now,
            from: feeder
        )
        if isLate { effect?.late = true }
        return effect
    }

    /// Counts what an observation did.
    private func note(_ effect: LogMetricTable.Effect, _ table: Int, _ state: inout State) {
        guard let instruments = state.instruments[table] else { return }
        instruments.observed.add()
        if effect.late { instruments.late.add() }
        if let label = effect.folded {
            instruments.folded.add()
            warn(table, label, &state)
        }
    }

    private func warn(_ id: Int, _ label: String, _ state: inout State) {
        guard let table = state.tables[id], state.warned.insert(id).inserted else { return }
        log.warn(
            "log metric has too many series; new values of the label are counted under \"other\". "
                + "Take the label out of its labels, or raise its max_series",
            [
                "metric": table.shape.name, "label": label, "series": "\(table.seriesCount)",
                "max_series": "\(table.seriesMax)",
            ]
        )
    }

    @discardableResult
    private func emit(
        _ ids: [Int],
        _ state: inout State,
        into store: any SampleAppending
    ) -> AppendResult {
        // A 0 must never land behind newer samples of a series that an earlier process left in the rings, and a
        // total may only replace the total of its own slot.
        var zeros = SampleBatch(latePolicy: .reject)
        var samples = SampleBatch(latePolicy: .upsert(window: .zero))
        for id in ids {
            state.tables[id]?.flush(
                zeros: &zeros,
                samples: &samples,
                heartbeat: settings.heartbeat.milliseconds
            )
            if let table = state.tables[id] {
                state.instruments[id]?.series.set(Double(table.seriesCount))
            }
        }
        if !zeros.entries.isEmpty {
            report(store.append(zeros), except: [.outOfOrder, .duplicateTimestamp])
        }
        guard !samples.entries.isEmpty else { return AppendResult() }
        let result = store.append(samples)
        report(result, except: [])
        return result
    }

    private func report(_ result: AppendResult, except expected: Set<RefusalCause>) {
        var unexpected = false
        for (cause, count) in result.refused where !expected.contains(cause) {
            metrics.counter(
                "tocsin_log_metric_samples_refused",
                help: "Samples of log metrics that the store refused.",
                labels: [("cause", cause.rawValue)]
            ).add(count)
            unexpected = true
        }
        if unexpected, let refusal = result.firstRefusal {
            log.warn("the metric store refused samples of log metrics", ["reason": refusal])
        }
    }

    /// Why nothing can be said of a metric's series now: all that feed it are pulled and cannot be read.
    ///
    /// Nil for series that are no log metric's, and before the first tick. A histogram's series go by its name.
    package func blindness(_ name: String, at now: Timestamp) -> String? {
        guard !board.isEmpty else { return nil }
        let feeders = feeders.withLock { feeders in
            feeders.lazy.filter { $0.shape.owns(name) }.reduce(UInt64(0)) { $0 | $1.feeders }
        }
        return board.blindness(feeders, at: now)
    }

    /// The stamp of the slot that holds a moment.
    private func slot(_ moment: Int64) -> Int64 {
        guard moment > Int64.min / 2 else { return Int64.min / 2 }
        return Timestamp(milliseconds: moment - 1).floored(to: settings.resolution).milliseconds + 1
    }
}
