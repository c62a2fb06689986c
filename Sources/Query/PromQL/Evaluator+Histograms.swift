import Model
import PromQLSyntax

extension Evaluator {
    func histogramQuantile(_ node: FunctionCall) throws(QueryError) -> Frame {
        let quantiles = try scalar(node.arguments[0])
        let input = try vector(node.arguments[1])
        for q in quantiles where !(q >= 0 && q <= 1) { warnQuantile(q, at: node.arguments[0].span) }
        return try histograms(input, at: node.arguments[1].span) { histogram, labels, step in
            self.quantile(quantiles[step], &histogram, labels, step, at: node.arguments[1].span)
        }
    }

    func histogramQuantiles(_ node: FunctionCall) throws(QueryError) -> Frame {
        let input = try vector(node.arguments[0])
        let label = try string(node.arguments[1])
        guard !label.isEmpty else {
            throw .execution("invalid label name \(GoQuoting.quoted(label))")
        }
        var result = Frame(steps: grid.count)
        for argument in node.arguments.dropFirst(2) {
            let quantiles = try scalar(argument)
            for q in quantiles where !(q >= 0 && q <= 1) { warnQuantile(q, at: argument.span) }
            var part = try histograms(input, at: node.arguments[0].span) {
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
                        target = result.appendRow(named, dropsName: part.dropsName[row])
                        bySteps[text] = target
                    }
                    result[target, step] = part[row, step]
                }
                part.labels[row] = LabelSet()
            }
        }
        try mergeEqualLabels(&result)
        return result
    }

    func histogramFraction(_ node: FunctionCall) throws(QueryError) -> Frame {
        let lowers = try scalar(node.arguments[0])
        let uppers = try scalar(node.arguments[1])
        let input = try vector(node.arguments[2])
        return try histograms(input, at: node.arguments[2].span) { histogram, _, step in
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
        _ input: Frame,
        at span: SourceSpan,
        _ answer: (inout ClassicHistogram, LabelSet, Int) -> Double
    ) throws(QueryError) -> Frame {
        var table = LabelTable(.without(["le"]), capacity: input.count)
        var members: [[(bound: Double, row: Int)]] = []
        for row in 0..<input.count {
            let text = input.labels[row]["le"]
            guard let bound = Evaluator.bound(text) else {
                let name = delaysNameRemoval ? input.labels[row].name : ""
                run.warn(
                    "bucket label \"le\" is missing or has a malformed value of "
                        + GoQuoting.quoted(text)
                        + (name.isEmpty ? "" : " for metric name \(GoQuoting.quoted(name))"),
                    at: span
                )
                continue
            }
            let (ordinal, isNew) = table.insert(input.labels[row])
            if isNew { members.append([]) }
            members[ordinal].append((bound, row))
        }
        var result = Frame(steps: grid.count)
        result.reserve(members.count)
        var buckets: [ClassicHistogram.Bucket] = []
        for (ordinal, unsorted) in members.enumerated() {
            let sorted = unsorted.enumerated()
                .sorted { ($0.element.bound, $0.offset) < ($1.element.bound, $1.offset) }
                .map(\.element)
            let labels = table.representatives[ordinal].dropping(["le"])
            let row = result.appendRow(
                delaysNameRemoval ? labels : labels.withoutMetadata,
                dropsName: true
            )
            for step in 0..<grid.count {
                buckets.removeAll(keepingCapacity: true)
                for member in sorted where input[member.row, step].isPresent {
                    buckets.append(
                        ClassicHistogram.Bucket(
                            bound: member.bound,
                            count: input[member.row, step]
                        )
                    )
                }
                guard !buckets.isEmpty else { continue }
                var histogram = ClassicHistogram(sorted: buckets)
                result[row, step] = answer(&histogram, labels, step)
            }
        }
        if !delaysNameRemoval { try mergeEqualLabels(&result) }
        return result
    }

    /// Reads an upper bound as Go's ParseFloat does.
    private static func bound(_ text: String) -> Double? {
        switch text.lowercased() {
        case "+inf", "inf", "infinity", "+infinity": .infinity
        case "-inf", "-infinity": -.infinity
        case "nan": .nan
        // A bound too large for a number is malformed, not infinite.
        default: Double(text).flatMap { $0.isFinite ? $0 : nil }
        }
    }

    /// A number as OpenMetrics writes label values: whole ones with a decimal.
    private static func openMetricsText(_ value: Double) -> String {
        let text = PromQLNumber.general(value)
        return value.isFinite && !text.contains(".") && !text.contains("e") ? text + ".0" : text
    }
}
