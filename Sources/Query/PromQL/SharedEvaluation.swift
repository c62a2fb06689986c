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

    package init(_ engine: QueryEngine) { self.engine = engine }

    /// What is shared by all that is evaluated at one time.
    private final class Moment {
        let evaluator: Evaluator
        var results: [Int: (result: Result<[VectorSample], QueryError>, stamp: Int)] = [:]
        /// Nodes whose leaves were read beforehand.
        var isRead: Set<Int> = []

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

    /// One expression that the cycle will evaluate.
    package struct Due {
        package var expression: PlannedExpression
        package var time: Timestamp

        package init(_ expression: PlannedExpression, at time: Timestamp) {
            self.expression = expression
            self.time = time
        }
    }

    /// Reads at once what expressions will need.
    ///
    /// - Parameters:
    ///   - due: What will be evaluated.
    ///   - written: Metrics that the cycle itself may write before: they are read when they are needed.
    package func read(_ due: [Due], except written: Set<String> = []) {
        var wanted: [Int64: WantedColumns] = [:]
        for one in due {
            let moment = moment(one.time)
            let plan = one.expression.plan
            guard moment.isRead.insert(plan.number).inserted, !engine.isOutOfBounds(one.time)
            else { continue }
            moment.evaluator.gather(
                plan,
                except: written,
                into: &wanted[one.time.milliseconds, default: WantedColumns()]
            )
        }
        let all = wanted.sorted { $0.key < $1.key }
        read(
            all.flatMap { time, wanted in
                zip(wanted.keys, wanted.requests).map { (time, $0, $1) }
            }[...]
        )
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
            try moment.evaluator.read(plan)
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
        if let known = moments[time.milliseconds] { return known }
        let made = Moment(engine, at: time.milliseconds, writes)
        moments[time.milliseconds] = made
        return made
    }
}
