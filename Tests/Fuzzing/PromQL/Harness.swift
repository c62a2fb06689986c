import Model
import PromQL
import PromQLSyntax
import Synchronization
import TestSupport
import Timekeeping

/// When queries are evaluated; the samples lie before it.
private let moment = Timestamp(milliseconds: 1_700_000_000_000)

/// Counters, gauges, buckets, an info series, values that are no numbers, gaps, and a series that went stale.
private let data: SeriesList = {
    func series(_ labels: LabelSet, _ value: (Int) -> Double) -> SeriesSamples {
        let samples = (0..<30).map {
            Sample(moment + .seconds(($0 - 29) * 60), value($0))
        }
        return SeriesSamples(labels: labels, samples: samples)
    }
    var all: [SeriesSamples] = []
    for (index, job) in ["api", "db"].enumerated() {
        all.append(series(["__name__": "up", "job": job, "instance": "a:1"]) { _ in 1 })
        for code in ["200", "500"] {
            all.append(
                series(["__name__": "requests_total", "job": job, "code": code]) {
                    Double(($0 % 20) * (index + 3))
                }
            )
        }
        for (place, bound) in ["0.1", "1", "+Inf"].enumerated() {
            all.append(
                series(["__name__": "latency_bucket", "job": job, "le": bound]) {
                    Double($0 * (place + 1))
                }
            )
        }
    }
    all.append(
        series(["__name__": "target_info", "job": "api", "instance": "a:1", "version": "2"]) { _ in
            1
        }
    )
    all.append(series(["__name__": "temperature", "room": "α", "a.b": "x"]) { Double($0) - 15.5 })
    all.append(
        series(["__name__": "odd", "kind": "x"]) {
            [.nan, .infinity, -.infinity, 0, -0.0, 1e308, .leastNonzeroMagnitude][$0 % 7]
        }
    )
    var gone = series(["__name__": "gone"]) { Double($0) }
    gone.samples[29].value = Staleness.marker
    all.append(gone)
    // Counts from the sample before, but for some that overlap or begin anew.
    var started = series(["__name__": "started_total"]) { Double($0 * $0 % 90) }
    started.starts = StartTimes(
        started.samples.enumerated().map { place, sample in
            let time = sample.timestamp.milliseconds
            return (time: time, start: place % 7 == 0 ? time - 150_000 : time - 60_000)
        }
    )
    all.append(started)
    return SeriesList(all)
}()

/// Says after a number of questions that nobody waits any more.
private final class Patience: Sendable {
    private let questions = Atomic(0)
    func isOver() -> Bool { questions.wrappingAdd(1, ordering: .relaxed).newValue > 5000 }
}

private func engine() -> QueryEngine {
    let patience = Patience()
    return QueryEngine(
        source: data,
        settings: QuerySettings(sampleLimit: 20_000, isCancelled: { patience.isOver() })
    )
}

/// Says what was wrong; a precondition's words are not in an optimised program.
private func check(_ holds: Bool, _ words: @autoclosure () -> String) {
    guard holds else { fatalError(words()) }
}

/// What parses is printed as text that parses to the same tree, on one line and on several, and evaluates within its limits or says why not.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let text = unsafe String(
        decoding: UnsafeBufferPointer(start: start, count: count),
        as: UTF8.self
    )
    let expression: Expression
    do {
        expression = try PromQLParser.parse(text)
    } catch {
        check(!error.description.isEmpty, "an error says what is wrong")
        return 0
    }
    for printed in [expression.printed, expression.pretty] {
        do {
            let again = try PromQLParser.parse(printed)
            check(again == expression, "printed as another expression: \(printed)")
        } catch {
            fatalError("printed so that it does not parse: \(printed): \(error)")
        }
    }
    do {
        let result = try engine().instant(expression, at: moment)
        if case .vector(let samples) = result.value {
            check(samples.count <= 20_000, "more samples than the limit")
        }
    } catch { check(!error.description.isEmpty, "an error says what is wrong") }
    do {
        let result = try engine().range(
            expression,
            from: moment + .seconds(-600),
            through: moment,
            step: .seconds(75)
        )
        if case .matrix(let series) = result.value {
            let points = series.reduce(0) { $0 + $1.samples.count }
            check(points <= 20_000, "more samples than the limit")
        }
    } catch { check(!error.description.isEmpty, "an error says what is wrong") }
    return 0
}
