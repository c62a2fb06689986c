import Matching
import Model
import PromQLSyntax
import Timekeeping

extension Evaluator {
    /// `info(v, {selectors})`: adds labels of info series (`target_info` by default) that share instance and job.
    func info(_ plan: PlanNode, _ node: FunctionCall) throws(QueryError) -> Frame {
        let base = try vector(plan.operands[0]).compacted()
        let request = try InfoRequest(node.arguments.count > 1 ? node.arguments[1] : nil)
        let isInfo = base.labels.map { request.isInfoName($0.name) }
        let here = ShiftedMoment(fixed: nil, offset: 0)
        let infos = try infoSeries(
            base,
            isInfo,
            request,
            try readingMoment(node.arguments[0], here) ?? here
        )
        // As labels, since those are told apart by their bytes.
        let names = Set(infos.frame.labels.map { Label(LabelSet.metricName, $0.name) })
            .sorted { $0.value.utf8.lexicographicallyPrecedes($1.value.utf8) }
        var table = LabelTable(.on(InfoRequest.identifyingLabels), capacity: base.count)
        let baseGroups = base.labels.map { table.insert($0).ordinal }
        let infoGroups = infos.frame.labels.map { table.insert($0).ordinal }
        var result = FrameBuilder(steps: grid.count)
        var rows = LabelTable(capacity: base.count)
        for step in 0..<grid.count {
            let newest = try newestInfo(infos, infoGroups, step)
            for row in 0..<base.count where base[row, step].isPresent {
                var labels = base.labels[row]
                if !isInfo[row] {
                    let matches = names.compactMap {
                        newest[InfoKey(name: $0, group: baseGroups[row])]
                    }
                    guard
                        let enriched = try request.enriched(
                            labels,
                            with: matches.map { infos.frame.labels[$0] }
                        )
                    else { continue }
                    labels = enriched
                }
                let (ordinal, isNew) = rows.insert(labels)
                if isNew {
                    try run.checkSize(rows: result.count + 1, steps: grid.count)
                    result.appendRow(labels, dropsName: base.drops[row])
                }
                guard result[ordinal, step].isAbsent else {
                    throw .execution(Evaluator.duplicateLabels)
                }
                result[ordinal, step] = base[row, step]
            }
        }
        return result.frame()
    }

    private struct InfoKey: Hashable {
        var name: Label
        var group: Int
    }

    private struct InfoSeries {
        /// Rows hold the times of the info samples, in seconds.
        var frame: Frame
    }

    private func infoSeries(
        _ base: Frame,
        _ isInfo: [Bool],
        _ request: InfoRequest,
        _ moment: ShiftedMoment
    ) throws(QueryError) -> InfoSeries {
        var values: [String: Set<Label>] = [:]
        for row in 0..<base.count where !isInfo[row] {
            for name in InfoRequest.identifyingLabels {
                let value = base.labels[row][name]
                if !value.isEmpty { values[name, default: []].insert(Label(name, value)) }
            }
        }
        guard !values.isEmpty else { return InfoSeries(frame: Frame(steps: grid.count)) }
        var matchers = request.nameMatchers + request.dataMatchers
        for (name, wanted) in values.sorted(by: { $0.key < $1.key }) {
            let pattern = wanted.map(\.value)
                .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
                .map(Pattern.quoted).joined(separator: "|")
            do throws(PatternError) {
                matchers.append(try LabelMatcher(name, .matches, pattern))
            } catch { throw .execution(error.description) }
        }
        return InfoSeries(frame: try newestTimes(matchers, moment))
    }

    /// The times of the newest samples, of the series that have any.
    private func newestTimes(
        _ matchers: [LabelMatcher],
        _ moment: ShiftedMoment
    ) throws(QueryError) -> Frame {
        let isFixed = moment.fixed != nil
        let column = try run.columns([
            ColumnRequest(
                matchers: matchers,
                function: .newestTime,
                length: run.lookback,
                end: moment.at(grid.start),
                step: grid.step,
                steps: isFixed ? 1 : grid.count
            )
        ])[0]
        let found = try frame(column, steps: isFixed ? 1 : grid.count).compacted()
        try run.count(found.presentCount)
        return isFixed ? found.broadcast(to: grid.count) : found
    }

    /// When the first selector of an expression reads: info series are read at the same time.
    private func readingMoment(
        _ expression: Expression,
        _ outer: ShiftedMoment
    ) throws(QueryError) -> ShiftedMoment? {
        func inner(_ modifiers: SelectorModifiers) throws(QueryError) -> ShiftedMoment {
            let own = try moment(modifiers)
            if own.fixed != nil { return own }
            return ShiftedMoment(fixed: outer.fixed, offset: outer.offset + own.offset)
        }
        switch expression {
        case .vector(let selector): return try inner(selector.modifiers)
        case .matrix(let matrix): return try inner(matrix.selector.modifiers)
        case .subquery(let node): return try readingMoment(node.inner, try inner(node.modifiers))
        default:
            for child in expression.children {
                if let found = try readingMoment(child, outer) { return found }
            }
            return nil
        }
    }

    /// By metric name and identifying labels, the info series with the newest sample at a step.
    private func newestInfo(
        _ infos: InfoSeries,
        _ groups: [Int],
        _ step: Int
    ) throws(QueryError) -> [InfoKey: Int] {
        var newest: [InfoKey: Int] = [:]
        for row in 0..<infos.frame.count where infos.frame[row, step].isPresent {
            let name = Label(LabelSet.metricName, infos.frame.labels[row].name)
            let key = InfoKey(name: name, group: groups[row])
            guard let other = newest[key] else {
                newest[key] = row
                continue
            }
            let (mine, theirs) = (infos.frame[row, step], infos.frame[other, step])
            guard mine != theirs else {
                let moment = Int64((mine * 1000).rounded())
                throw .execution(
                    "found duplicate series for info metric: existing "
                        + "\(infos.frame.labels[other].asPrometheus) @ \(moment), new "
                        + "\(infos.frame.labels[row].asPrometheus) @ \(moment)"
                )
            }
            if mine > theirs { newest[key] = row }
        }
        return newest
    }
}

/// What a call of `info` asks for.
struct InfoRequest {
    /// The labels by which series and info series belong together.
    static let identifyingLabels = ["instance", "job"]

    /// The selector's matchers on the metric name, and `target_info` when none says which it is.
    let nameMatchers: [LabelMatcher]
    /// False when a selector says nothing of the metric name: then no series counts as an info series itself.
    private let namesInfo: Bool
    let dataMatchers: [LabelMatcher]

    init(_ selector: Expression?) throws(QueryError) {
        var matchers: [LabelMatcher] = []
        if let selector {
            guard case .vector(let node) = selector.unwrapped else {
                throw .execution("expected label selectors only")
            }
            matchers = node.matchers
        }
        var named = matchers.filter { $0.name == LabelSet.metricName }
        namesInfo = selector == nil || !named.isEmpty
        if !named.contains(where: { $0.operation == .equal || $0.operation == .matches }) {
            named.append(LabelMatcher(LabelSet.metricName, equals: "target_info"))
        }
        nameMatchers = named
        dataMatchers = matchers.filter { $0.name != LabelSet.metricName }
    }

    /// True for series that are info series themselves, which are left alone.
    func isInfoName(_ name: String) -> Bool {
        namesInfo && nameMatchers.allSatisfy { $0.matches(name) }
    }

    /// The labels with those of the info series added; nil when a selector demands labels that none has.
    func enriched(
        _ labels: LabelSet,
        with infos: [LabelSet]
    ) throws(QueryError) -> LabelSet? {
        var added = LabelSet()
        let wanted = dataMatchers.map(\.name)
        for info in infos {
            for label in info.labels where label.name != LabelSet.metricName {
                guard wanted.isEmpty || label.name.isOne(of: wanted) else { continue }
                let other = added[label.name]
                if !other.isEmpty, !other.hasSameBytes(as: label.value) {
                    throw .execution("conflicting label: \(label.name)")
                }
                if labels[label.name].isEmpty { added[label.name] = label.value }
            }
        }
        if infos.isEmpty, !dataMatchers.allSatisfy(\.matchesEmpty) { return nil }
        var result = labels
        for label in added.labels { result[label.name] = label.value }
        return result
    }
}

extension Pattern {
    /// `text` as a pattern that matches just it.
    static func quoted(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            if scalar.isASCII, !scalar.properties.isAlphabetic, scalar != "_",
                !("0"..."9").contains(scalar)
            {
                result += "\\"
            }
            result.unicodeScalars.append(scalar)
        }
        return result
    }
}
