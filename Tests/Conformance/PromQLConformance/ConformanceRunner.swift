import Model
package import PromQL
import PromQLSyntax
package import TestSupport
import Timekeeping

/// Evaluates conformance cases over their own series.
package struct ConformanceRunner: Sendable {
    /// Why a case did not get as far as an answer.
    package struct Failure: Error, CustomStringConvertible {
        /// `bad_data` or `execution`, as in the HTTP API.
        package var type: String
        package var message: String
        package var description: String { message }
    }

    package var settings: QuerySettings

    package init(settings: QuerySettings = ConformanceRunner.defaultSettings) {
        self.settings = settings
    }

    /// What the cases ask for: a lookback of 5m, subqueries each minute, 10,000 samples.
    package static let defaultSettings = QuerySettings(sampleLimit: 10000)

    /// The series of an environment, all samples from 1970 on.
    package func series(
        _ blocks: [ConformanceFile.Block]
    ) throws(Failure) -> SeriesList {
        var samples: [LabelSet: [Sample]] = [:]
        var starts: [LabelSet: StartTimes] = [:]
        for block in blocks {
            let interval = try duration(block.interval)
            for one in block.series {
                do throws(PromQLSyntaxError) {
                    let labels = try SeriesNotation.labels(one.series)
                    for (index, value) in try SeriesNotation.values(one.values).enumerated() {
                        guard let value else { continue }
                        let moment = Timestamp(milliseconds: Int64(index) * interval)
                        samples[labels, default: []].append(Sample(moment, value))
                    }
                } catch {
                    throw Failure(type: "bad_data", message: "series \(one.series): \(error)")
                }
                guard let text = one.start_timestamps else { continue }
                do {
                    let labels = try SeriesNotation.labels(one.series)
                    starts[labels] = try StartNotation.starts(text, interval: interval)
                } catch {
                    throw Failure(type: "bad_data", message: "series \(one.series): \(error)")
                }
            }
        }
        return SeriesList(
            samples.map { entry in
                SeriesSamples(
                    labels: entry.key,
                    samples: entry.value.sorted { $0.timestamp < $1.timestamp },
                    starts: starts[entry.key]
                )
            }
        )
    }

    /// Evaluates a case.
    package func run(
        _ test: ConformanceFile.Case,
        in file: ConformanceFile
    ) throws(Failure) -> QueryResult {
        let engine = QueryEngine(
            source: try series(file.environments[test.env] ?? []),
            settings: settings
        )
        if let at = test.at { return try instant(test.expr, at: try duration(at), engine) }
        guard let range = test.range else {
            throw Failure(type: "bad_data", message: "case has neither \"at\" nor \"range\"")
        }
        return try ranged(
            test.expr,
            from: try duration(range.start),
            through: try duration(range.end),
            step: try duration(range.step),
            engine
        )
    }

    /// Evaluates an instant case as a range query around its moment.
    package func runAround(
        _ test: ConformanceFile.Case,
        in file: ConformanceFile
    ) throws(Failure) -> QueryResult {
        let engine = QueryEngine(
            source: try series(file.environments[test.env] ?? []),
            settings: settings
        )
        let moment = try duration(test.at ?? "0")
        return try ranged(
            test.expr,
            from: moment - 60000,
            through: moment + 60000,
            step: 60000,
            engine
        )
    }

    private func instant(
        _ text: String,
        at moment: Int64,
        _ engine: QueryEngine
    ) throws(Failure) -> QueryResult {
        let expression = try parse(text)
        do throws(QueryError) {
            return try engine.instant(expression, at: Timestamp(milliseconds: moment))
        } catch { throw Failure(type: "execution", message: error.description) }
    }

    private func ranged(
        _ text: String,
        from start: Int64,
        through end: Int64,
        step: Int64,
        _ engine: QueryEngine
    ) throws(Failure) -> QueryResult {
        let expression = try parse(text)
        do throws(QueryError) {
            return try engine.range(
                expression,
                from: Timestamp(milliseconds: start),
                through: Timestamp(milliseconds: end),
                step: .milliseconds(step)
            )
        } catch { throw Failure(type: "execution", message: error.description) }
    }

    private func parse(_ text: String) throws(Failure) -> Expression {
        do throws(PromQLSyntaxError) {
            return try PromQLParser.parse(text)
        } catch { throw Failure(type: "bad_data", message: error.description) }
    }

    /// Milliseconds of `1m30s`, `90` or `1.5` (seconds).
    private func duration(_ text: String) throws(Failure) -> Int64 {
        if let duration = Duration(prometheus: text) { return duration.milliseconds }
        if let seconds = Double(text), seconds.magnitude < 1e15 {
            return Int64((seconds * 1000).rounded())
        }
        throw Failure(type: "bad_data", message: "not a duration: \(text)")
    }
}
