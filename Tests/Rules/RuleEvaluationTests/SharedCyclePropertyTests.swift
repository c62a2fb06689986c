import Model
import PromQL
import PromQLSyntax
import RuleEvaluation
import Rules
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timekeeping

/// Evaluates each expression by itself, with an engine of its own.
private struct NaiveEvaluator: ExpressionEvaluating {
    let source: any SeriesReading

    private struct Alone: EvaluableExpression {
        let source: any SeriesReading
        let expression: Expression
        let needs: [SelectorNeed]
        let judgesAbsence: Bool

        func evaluate(at time: Timestamp) throws(QueryError) -> QueryResult {
            try QueryEngine(source: source).instant(expression, at: time)
        }
    }

    func prepare(_ text: String) throws(QueryError) -> any EvaluableExpression {
        let prepared = try QueryEngine(source: source).prepare(text)
        do {
            return Alone(
                source: source,
                expression: try PromQLParser.parse(text),
                needs: prepared.needs,
                judgesAbsence: prepared.judgesAbsence
            )
        } catch { throw .badExpression(error.description) }
    }
}

/// Reads a ledger as a store does: a selector's table has every series it ever had, and is kept while there is no new one.
private final class TableKeepingLedger: SeriesReading {
    let ledger: SampleLedger
    private let tables = Mutex<[[LabelMatcher]: SeriesTable]>([:])

    init(_ ledger: SampleLedger) { self.ledger = ledger }

    func select(
        _ selection: SeriesSelection,
        sampleLimit: Int
    ) throws(SeriesReadingError) -> [SeriesSamples] {
        try ledger.select(selection, sampleLimit: sampleLimit)
    }

    func labelSets(_ selection: SeriesSelection) throws(SeriesReadingError) -> [LabelSet] {
        try ledger.labelSets(selection)
    }

    func columns(
        _ requests: [ColumnRequest],
        sampleLimit: Int
    ) throws(SeriesReadingError) -> [Column] {
        var columns: [Column] = []
        let sparse = try ledger.columns(requests, sampleLimit: sampleLimit)
        for (request, column) in zip(requests, sparse) {
            let table = try table(request.matchers)
            var values = [Double](
                repeating: Staleness.marker,
                count: table.count * request.steps
            )
            var row = 0
            for (place, labels) in column.table.labels.enumerated() {
                while table.labels[row] != labels { row += 1 }
                for step in 0..<request.steps {
                    values[row * request.steps + step] =
                        column.values[place * request.steps + step]
                }
            }
            columns.append(Column(table: table, values: values))
        }
        return columns
    }

    private func table(_ matchers: [LabelMatcher]) throws(SeriesReadingError) -> SeriesTable {
        let all = TimeRange(
            after: Timestamp(milliseconds: -1),
            through: Timestamp(milliseconds: .max)
        )
        let labels = try ledger.labelSets(SeriesSelection(matchers: matchers, range: all))
        return tables.withLock { tables in
            if let known = tables[matchers], known.labels == labels { return known }
            let made = SeriesTable(labels)
            tables[matchers] = made
            return made
        }
    }
}

/// Random rules over a small vocabulary.
private struct RuleMaker {
    var random: SeededGenerator

    mutating func one(of texts: [String]) -> String {
        texts[Int(random.next() % UInt64(texts.count))]
    }

    mutating func selector() -> String {
        let name = one(of: ["a_total", "b_total", "g", "g", "r0", "r1", "r2", "r3"])
        let filter = one(of: ["", "", "{i=\"1\"}", "{i!=\"0\"}", "{j=~\"0|1\"}"])
        let offset = one(of: ["", "", "", " offset 30s", " offset 1m"])
        switch random.next() % 12 {
        case 0: return "{__name__=~\"r[0-9]\"}" + offset
        case 1: return "ALERTS{alertname=\"A0\"}"
        default: return name + filter + offset
        }
    }

    mutating func vector(_ depth: Int) -> String {
        guard depth > 0 else { return selector() }
        let window = one(of: ["1m", "2m", "90s"])
        let (a, b) = (vector(depth - 1), vector(depth - 1))
        switch random.next() % 16 {
        case 0: return "rate(\(one(of: ["a_total", "b_total", "r0"]))[\(window)])"
        case 1: return "avg_over_time(g[\(window)] offset 30s)"
        case 2: return "sum by (i) (\(a))"
        case 3: return "sum without (j) (\(a))"
        case 4: return "(\(a)) / on (i, j) (\(b))"
        case 5: return "(\(a)) > \(one(of: ["1", "20", "100", "-1"]))"
        case 6: return "(\(a)) or (\(b))"
        case 7: return "(\(a)) and on (i) (\(b))"
        case 8: return "(\(a)) unless (\(b))"
        case 9: return "-(\(a))"
        case 10: return "max_over_time((\(a))[2m:30s])"
        case 11: return "(\(a)) * on (i) group_left () sum by (i) (\(b))"
        case 12: return "topk(2, \(a))"
        case 13: return "absent(\(selector()))"
        case 14: return "label_replace(\(a), \"k\", \"$1\", \"i\", \"(.*)\")"
        default: return "quantile_over_time(scalar(count(\(a))) / 10, g[\(window)])"
        }
    }

    mutating func group(_ number: Int) -> RuleGroup {
        var rules: [Rule] = []
        for index in 0..<6 {
            let text = vector(Int(random.next() % 4))
            if random.next() % 2 == 0 {
                rules.append(.record("r\(random.next() % 4)", text))
            } else {
                rules.append(
                    .alert("A\(index % 2)", text, hold: Int(random.next() % 2) * 60)
                )
            }
            // The same again, as generated rules often are.
            if random.next() % 3 == 0 { rules.append(.alert("Copy\(index)", text)) }
        }
        return .of(
            "g\(number)",
            rules: rules,
            thresholds: [
                .of("T\(number)", vector(1), warn: 10, crit: 50),
                .of(
                    "P\(number)",
                    vector(1),
                    warn: 1.2,
                    crit: 2,
                    relativeTo: ThresholdRule.Reference(
                        offset: .seconds(60),
                        window: .seconds(300)
                    )
                ),
            ],
            queryOffset: random.next() % 3 == 0 ? .seconds(30) : nil
        )
    }
}

/// An engine over a ledger of its own.
private struct World {
    let ledger = SampleLedger()
    let clock = ManualClock(Timestamp(milliseconds: 1_700_000_000_000))
    let sink = TransitionRecorder()
    let engine: RuleEngine

    init(_ evaluator: (SampleLedger) -> any ExpressionEvaluating) throws {
        var settings = EngineBench.settings
        settings.appendSamplesMax = 7
        engine = try RuleEngine(
            settings: settings,
            evaluator: evaluator(ledger),
            appender: ledger,
            store: MemoryAlertStore(),
            sink: sink,
            clock: clock,
            log: .silent,
            metrics: MetricsRegistry()
        )
    }

    func advance() async {
        clock.advance(by: .seconds(60))
        engine.evaluateDue(at: clock.now())
        await engine.handOn()
    }

    /// All series with the bits of their samples, all transitions, and what failed.
    func state() throws -> [String] {
        let all = try ledger.select(
            SeriesSelection(
                matchers: [],
                range: TimeRange(
                    after: Timestamp(milliseconds: 0),
                    through: Timestamp(milliseconds: .max)
                )
            ),
            sampleLimit: .max
        )
        return all.map { one in
            "\(one.labels) "
                + one.samples.map { "\($0.timestamp.milliseconds):\($0.value.bitPattern)" }
                .joined(separator: " ")
        }
            + sink.taken.map { "\($0.labels) \($0.change.brief) \($0.at) \($0.value ?? -1)" }
            + engine.snapshot.flatMap(\.rules).map { "\($0.name) \($0.lastError ?? "well")" }
    }
}

/// Sharing what expressions have in common changes no bit of any answer.
@Suite struct SharedCyclePropertyTests {
    @Test(arguments: 1...5 as ClosedRange<UInt64>) func sharedIsAlone(seed: UInt64) async throws {
        let shared = try World { QueryEngine(source: TableKeepingLedger($0)) }
        let alone = try World { NaiveEvaluator(source: $0) }
        var maker = RuleMaker(random: SeededGenerator(seed: seed))
        var random = SeededGenerator(seed: seed &+ 1000)
        for round in 0..<9 {
            if round % 3 == 0 {
                let rules = RuleSet(groups: (0..<3).map { maker.group($0) })
                try shared.engine.load(rules)
                try alone.engine.load(rules)
            }
            for (labels, samples) in SharedCyclePropertyTests.samples(round, &random) {
                shared.ledger.append(labels, samples)
                alone.ledger.append(labels, samples)
            }
            await shared.advance()
            await alone.advance()
            let (got, wanted) = (try shared.state(), try alone.state())
            for (a, b) in zip(got, wanted) where a != b {
                Issue.record("round \(round)\n\(a)\nalone:\n\(b)")
                return
            }
            #expect(got.count == wanted.count)
        }
    }

    /// A minute's samples; series come, pause, end with a marker, and some samples are late.
    private static func samples(
        _ round: Int,
        _ random: inout SeededGenerator
    ) -> [(LabelSet, [Sample])] {
        var result: [(LabelSet, [Sample])] = []
        for name in ["a_total", "b_total", "g"] {
            for index in 0..<6 {
                let fate = random.next() % 8
                guard fate > 0 else { continue }
                let labels: LabelSet = [
                    LabelSet.metricName: name, "i": "\(index % 3)", "j": "\(index / 3)",
                    "pod": "p\(Int(random.next() % 3) * (round / 5))",
                ]
                let lag: Int64 = fate == 1 ? 60_000 : 0
                let start = 1_700_000_000_000 + Int64(round) * 60_000 - lag
                var samples: [Sample] = []
                for tick in 1...4 {
                    let value =
                        fate == 2 && tick == 4
                        ? Staleness.marker : Double(random.next() % 400) / 7
                    samples.append(
                        Sample(Timestamp(milliseconds: start + Int64(tick) * 14_000), value)
                    )
                }
                result.append((labels, samples))
            }
        }
        return result
    }
}
