import Model
import PromQL
import PromQLSyntax
import Synchronization
import TestSupport
import Testing
import Timekeeping

/// Reads a list as a store does: a selector has one table for as long as its series are the same, with all of them,
/// whether they have samples just now or not.
final class TableKeepingSource: SeriesReading {
    private let list: SeriesList
    private let tables = Mutex<[[LabelMatcher]: SeriesTable]>([:])

    init(_ list: SeriesList) { self.list = list }

    func select(
        _ selection: SeriesSelection,
        sampleLimit: Int
    ) throws(SeriesReadingError) -> [SeriesSamples] {
        try list.select(selection, sampleLimit: sampleLimit)
    }

    func labelSets(_ selection: SeriesSelection) throws(SeriesReadingError) -> [LabelSet] {
        try list.labelSets(selection)
    }

    func columns(
        _ requests: [ColumnRequest],
        sampleLimit: Int
    ) throws(SeriesReadingError) -> [Column] {
        var columns: [Column] = []
        for (request, sparse) in zip(
            requests,
            try list.columns(requests, sampleLimit: sampleLimit)
        ) {
            let table = table(request.matchers)
            var values = [Double](
                repeating: Staleness.marker,
                count: table.count * request.steps
            )
            var row = 0
            var noticed: [Int] = []
            for (place, labels) in sparse.table.labels.enumerated() {
                while table.labels[row] != labels { row += 1 }
                if sparse.noticed.contains(place) { noticed.append(row) }
                for step in 0..<request.steps {
                    values[row * request.steps + step] =
                        sparse.values[place * request.steps + step]
                }
            }
            columns.append(Column(table: table, values: values, noticed: noticed))
        }
        return columns
    }

    private func table(_ matchers: [LabelMatcher]) -> SeriesTable {
        tables.withLock { tables in
            if let known = tables[matchers] { return known }
            let made = SeriesTable(
                list.series.map(\.labels).filter { labels in
                    matchers.allSatisfy { $0.matches(labels) }
                }
            )
            tables[matchers] = made
            return made
        }
    }
}

/// Series without values change nothing, and what is derived from labels may be kept.
@Suite struct SeriesTableTests {
    static let expressions =
        QueryEngineTests.expressions + [
            "sum(sum by (j) (g))", "topk by (j) (1, g)", "limitk by (i) (1, g)",
            "sum by (i) (g > 25)", "sum(g or a_total)", "avg without (i) (g)",
            "histogram_quantile(0.9, sum by (le, j) (h_bucket))",
            "histogram_quantiles(h_bucket, \"q\", 0.5, 0.9)",
            "a_total * on (i) group_left () sum by (i) (b_total)",
            "sum by (i) (b_total) * on (i) group_right () a_total",
            "sum(a_total / on (i, j) b_total)", "(g > 20) + on (i, j) (b_total > 30)",
            "label_replace(sum by (i) (g > 25), \"k\", \"$1\", \"i\", \"(.)\")",
            "label_join(g, \"k\", \"-\", \"i\", \"j\")", "sort(g)", "sort_desc(a_total)",
            "sort_by_label(g, \"j\")", "count_values without (i) (\"v\", round(g, 20))",
            "sum by (j) (rate({i=\"1\"}[2m]))", "rate({i=\"1\",__name__=~\"._total\"}[2m])",
            "g + fill_left (3) (b_total > 30)", "sum by (j) (g) or sum by (i) (a_total)",
            "predict_linear(g[2m] @ 700, 30)", "sum(timestamp(g @ 700))",
            "quantile_over_time(scalar(sum(g)) / 1000, g[2m])", "quantile_over_time(2, g[2m])",
        ]

    /// Series that come and go.
    private static func churning(seed: UInt64) -> SeriesList {
        var random = SeededGenerator(seed: seed)
        return SeriesList(
            QueryEngineTests.randomSeries(seed: seed).series.map { one in
                let first = Int64(random.next() % 1_200_000)
                let last = first + Int64(random.next() % 900_000)
                var one = one
                one.samples = one.samples.filter {
                    random.next() % 3 == 0
                        || (first...last).contains($0.timestamp.milliseconds)
                }
                return one
            }
        )
    }

    @Test(arguments: 1...6 as ClosedRange<UInt64>) func keptTablesChangeNothing(
        seed: UInt64
    ) throws {
        let list = SeriesTableTests.churning(seed: seed)
        let plain = QueryEngine(source: list)
        let keeping = QueryEngine(source: TableKeepingSource(list))
        for text in SeriesTableTests.expressions {
            let expression = try PromQLParser.parse(text)
            for moment in stride(from: Int64(400_000), through: 1_900_000, by: 97_000) {
                let at = Timestamp(milliseconds: moment)
                let wanted = SeriesTableTests.answer { () throws(QueryError) in
                    try plain.instant(expression, at: at)
                }
                let got = SeriesTableTests.answer { () throws(QueryError) in
                    try keeping.instant(expression, at: at)
                }
                #expect(got == wanted, "\(text) at \(moment)")
            }
            let wanted = SeriesTableTests.answer { () throws(QueryError) in
                try SeriesTableTests.range(plain, expression)
            }
            let got = SeriesTableTests.answer { () throws(QueryError) in
                try SeriesTableTests.range(keeping, expression)
            }
            #expect(got == wanted, "\(text) over a range")
        }
    }

    private static func range(
        _ engine: QueryEngine,
        _ expression: Expression
    ) throws(QueryError) -> QueryResult {
        try engine.range(
            expression,
            from: Timestamp(milliseconds: 400_000),
            through: Timestamp(milliseconds: 1_900_000),
            step: .seconds(41)
        )
    }

    /// Values by their bits in the order given, annotations, or the error.
    static func answer(_ query: () throws(QueryError) -> QueryResult) -> [String] {
        do throws(QueryError) {
            let result = try query()
            var lines = result.warnings + result.infos
            switch result.value {
            case .scalar(let value): lines.append("\(value.bitPattern)")
            case .string(let text): lines.append(text)
            case .vector(let samples):
                lines += samples.map { "\($0.labels) \($0.value.bitPattern)" }
            case .matrix(let series):
                lines += series.map { one in
                    "\(one.labels) "
                        + one.samples.map {
                            "\($0.timestamp.milliseconds):\($0.value.bitPattern)"
                        }.joined(separator: " ")
                }
            }
            return lines
        } catch {
            return ["\(error)"]
        }
    }
}
