import Model
package import Timekeeping

/// The evaluations of one cycle of rules: equal parts of all expressions are evaluated once a moment.
///
/// The answers are those of evaluating each expression by itself in the same order, except that what is read beforehand
/// is of one state of the data. Lives for the cycle; confined to one thread.
package final class SharedEvaluation {
    private let engine: QueryEngine
    private let writes = WriteLog()
    private var moments: [Int64: Moment] = [:]
    /// True when something was left to be read when it is needed.
    private var hasExceptions = false
    /// What was asked for last: mostly it is asked for again.
    private var last: (time: Timestamp, moment: Moment)?

    package init(_ engine: QueryEngine) { self.engine = engine }

    /// What is shared by all that is evaluated at one time.
    private final class Moment {
        let evaluator: Evaluator
        var results: [Int: (result: Result<[VectorSample], QueryError>, stamp: Int)] = [:]
        /// Nodes whose leaves are read beforehand.
        var isRead: Set<Int> = []
        var wanted = WantedColumns()

        init(_ engine: QueryEngine, at milliseconds: Int64, _ writes: WriteLog) {
            let grid = TimeGrid(at: milliseconds)
            let run = QueryRun(
                source: engine.source,
                settings: engine.settings,
                grid: grid,
                isRange: false,
                keepsAnnotations: false,
                shared: SharedValues(writes)
            )
            evaluator = Evaluator(run: run, grid: grid)
        }
    }

    /// Tells of an expression that the cycle will evaluate; `readWanted` then reads what all of them need.
    ///
    /// - Parameters:
    ///   - expression: What will be evaluated.
    ///   - time: When.
    ///   - written: Metrics that the cycle itself may write before: they are read when they are needed.
    package func want(
        _ expression: PlannedExpression,
        at time: Timestamp,
        except written: Set<String> = []
    ) {
        let moment = moment(time)
        if !written.isEmpty { hasExceptions = true }
        guard moment.isRead.insert(expression.plan.number).inserted,
            !engine.isOutOfBounds(time)
        else { return }
        moment.evaluator.gather(expression.plan, except: written, into: &moment.wanted)
    }

    /// Reads all that is wanted at once.
    package func readWanted() {
        var all: [(time: Int64, key: Leaf.Key, request: ColumnRequest)] = []
        for (time, moment) in moments.sorted(by: { $0.key < $1.key }) {
            for (key, request) in zip(moment.wanted.keys, moment.wanted.requests) {
                all.append((time, key, request))
            }
            moment.wanted = WantedColumns()
        }
        read(all[...])
    }

    /// Reads columns; when one of them cannot be read, the others all the same.
    ///
    /// The one that fails is read again by its rule, which so gets the error.
    private func read(_ wanted: ArraySlice<(time: Int64, key: Leaf.Key, request: ColumnRequest)>) {
        guard let first = wanted.first, let moment = moments[first.time] else { return }
        do throws(QueryError) {
            let columns = try moment.evaluator.run.columns(wanted.map(\.request))
            for (one, column) in zip(wanted, columns) {
                moments[one.time]?.evaluator.run.take([column], for: [one.key])
            }
        } catch {
            guard wanted.count > 1, case .limit = error else { return }
            let middle = wanted.startIndex + wanted.count / 2
            read(wanted[..<middle])
            read(wanted[middle...])
        }
    }

    /// Evaluates an expression, which is a scalar or a vector.
    ///
    /// - Returns: The series in the order of `QueryEngine.instant`; a scalar is one without labels.
    /// - Throws: As `QueryEngine.instant`.
    package func series(
        _ expression: PlannedExpression,
        at time: Timestamp
    ) throws(QueryError) -> [VectorSample] {
        let moment = moment(time)
        let plan = expression.plan
        if let known = moment.results[plan.number],
            writes.isCurrent(known.stamp, plan.metricNames)
        {
            return try known.result.get()
        }
        let stamp = writes.count
        let result = evaluate(plan, moment, at: time)
        moment.results[plan.number] = (result, stamp)
        return try result.get()
    }

    private func evaluate(
        _ plan: PlanNode,
        _ moment: Moment,
        at time: Timestamp
    ) -> Result<[VectorSample], QueryError> {
        do throws(QueryError) {
            try engine.checkTime(time)
            moment.evaluator.run.startCount()
            // What was read beforehand, all of it and unwritten since, need not be gathered again.
            if writes.count > 0 || hasExceptions || !moment.isRead.contains(plan.number) {
                try moment.evaluator.read(plan)
            }
            switch try moment.evaluator.evaluate(plan) {
            case .scalar(let values):
                return .success([VectorSample(labels: LabelSet(), value: values[0])])
            case .vector(let frame):
                return .success(try moment.evaluator.vectorSamples(frame))
            case .string: throw .execution("a string is neither a vector nor a scalar")
            }
        } catch { return .failure(error) }
    }

    /// Tells that samples of these metrics were written: what reads them is evaluated anew.
    package func wrote(_ metricNames: Set<String>) { writes.note(metricNames) }

    private func moment(_ time: Timestamp) -> Moment {
        if let last, last.time == time { return last.moment }
        let moment =
            moments[time.milliseconds] ?? Moment(engine, at: time.milliseconds, writes)
        moments[time.milliseconds] = moment
        last = (time, moment)
        return moment
    }
}
