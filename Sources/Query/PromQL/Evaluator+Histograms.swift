import Model
import PromQLSyntax

extension Evaluator {
    func histogramQuantile(_ plan: PlanNode, _ node: FunctionCall) throws(QueryError) -> Frame {
        let quantiles = try scalar(plan.operands[0])
        let input = try vector(plan.operands[1])
        for q in quantiles where !(q >= 0 && q <= 1) { warnQuantile(q, at: node.arguments[0].span) }
        return try histograms(plan, input, at: node.arguments[1].span) { histogram, labels, step in
            self.quantile(quantiles[step], &histogram, labels, step, at: node.arguments[1].span)
        }
    }

    func histogramQuantiles(_ plan: PlanNode, _ node: FunctionCall) throws(QueryError) -> Frame {
        let input = try vector(plan.operands[0])
        let label = try string(plan.operands[1])
        guard !label.isEmpty else {
            throw .execution("invalid label name \(GoQuoting.quoted(label))")
        }
        var result = FrameBuilder(steps: grid.count)
        for (argument, operand) in zip(node.arguments, plan.operands).dropFirst(2) {
            let quantiles = try scalar(operand)
            for q in quantiles where !(q >= 0 && q <= 1) { warnQuantile(q, at: argument.span) }
            let part = try histograms(plan, input, at: node.arguments[0].span) {
                histogram,
                labels,
                step in
                self.quantile(
                    quantiles[step],
                    &histogram,
                    labels,
                    step,
                    at: node.arguments[0].span
                )
            }
            // The quantile is a label of the result: one series for each value it takes.
            for row in 0..<part.count {
                var bySteps: [String: Int] = [:]
                let labels = part.labels[row]
                for step in 0..<grid.count where part[row, step].isPresent {
                    let text = Evaluator.openMetricsText(quantiles[step])
                    let target: Int
                    if let known = bySteps[text] {
                        target = known
                    } else {
                        try run.checkSize(rows: result.count + 1, steps: grid.count)
                        var named = labels
                        named[label] = text
                        target = result.appendRow(named, dropsName: part.drops[row])
                        bySteps[text] = target
                    }
                    result[target, step] = part[row, step]
                }
            }
        }
        var frame = result.frame()
        try mergeEqualLabels(&frame)
        return frame
    }

    func histogramFraction(_ plan: PlanNode, _ node: FunctionCall) throws(QueryError) -> Frame {
        let lowers = try scalar(plan.operands[0])
        let uppers = try scalar(plan.operands[1])
        let input = try vector(plan.operands[2])
        return try histograms(plan, input, at: node.arguments[2].span) { histogram, _, step in
            histogram.fraction(from: lowers[step], to: uppers[step])
        }
    }

    private func quantile(
        _ q: Double,
        _ histogram: inout ClassicHistogram,
        _ labels: LabelSet,
        _ step: Int,
        at span: SourceSpan
    ) -> Double {
        let (value, correction) = histogram.quantile(q)
        if let correction {
            let moment = grid.time(step)
            run.noteForcedMonotonicity(
                ForcedMonotonicity(
                    bucketMin: correction.bucketMin,
                    bucketMax: correction.bucketMax,
                    differenceMax: correction.differenceMax,
                    first: moment,
                    last: moment
                ),
                metric: delaysNameRemoval ? labels.name : "",
                at: span
            )
        }
        return value
    }

    /// Groups bucket series into histograms and answers one value for each at each step.
    private func histograms(
        _ plan: PlanNode,
        _ input: Frame,
        at span: SourceSpan,
        _ answer: (inout ClassicHistogram, LabelSet, Int) -> Double
    ) throws(QueryError) -> Frame {
        let table: BucketTable
        if let known = plan.recall({ $0.buckets }), known.source === input.table {
            table = known
        } else {
            table = BucketTable(input.table, keepsNames: delaysNameRemoval)
            plan.keep { $0.buckets = table }
        }
        for row in table.malformed where input.hasValues(row) {
            let name = delaysNameRemoval ? input.labels[row].name : ""
            run.warn(
                "bucket label \"le\" is missing or has a malformed value of "
                    + GoQuoting.quoted(input.labels[row]["le"])
                    + (name.isEmpty ? "" : " for metric name \(GoQuoting.quoted(name))"),
                at: span
            )
        }
        var result = Frame(
            absent: table.table,
            steps: grid.count,
            drops: .all,
            isDistinct: delaysNameRemoval
        )
        var buckets: [ClassicHistogram.Bucket] = []
        /// By histogram, its first row that has a value.
        var firstRows = [Int](repeating: .max, count: result.count)
        for row in 0..<result.count {
            let members = table.members[row]
            for member in members where input.hasValues(member.row) {
                firstRows[row] = min(firstRows[row], member.row)
            }
            for step in 0..<grid.count {
                buckets.removeAll(keepingCapacity: true)
                for member in members where input[member.row, step].isPresent {
                    buckets.append(
                        ClassicHistogram.Bucket(
                            bound: member.bound,
                            count: input[member.row, step]
                        )
                    )
                }
                guard !buckets.isEmpty else { continue }
                var histogram = ClassicHistogram(sorted: buckets)
                result[row, step] = answer(&histogram, table.named.labels[row], step)
            }
        }
        // In the order of their first rows, whatever series without values there are besides.
        let present = firstRows.indices.filter { firstRows[$0] < .max }
        if zip(present, present.dropFirst()).contains(where: { firstRows[$0] > firstRows[$1] }) {
            result = result.selecting(present.sorted { firstRows[$0] < firstRows[$1] })
        }
        if !delaysNameRemoval { try mergeEqualLabels(&result) }
        return result
    }

    /// A number as OpenMetrics writes label values: whole ones with a decimal.
    private static func openMetricsText(_ value: Double) -> String {
        let text = PromQLNumber.general(value)
        return value.isFinite && !text.contains(".") && !text.contains("e") ? text + ".0" : text
    }
}
