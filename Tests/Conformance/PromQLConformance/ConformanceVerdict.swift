import Foundation
import Model
import PromQL
import Timekeeping

/// Compares the answers of cases with what the cases expect.
package enum ConformanceVerdict {
    /// What is wrong with the answer to a case; nil when it passes.
    package static func problem(
        _ test: ConformanceFile.Case,
        in file: ConformanceFile,
        _ runner: ConformanceRunner
    ) -> String? {
        guard let expected = test.expect else { return "the case expects nothing" }
        let result: QueryResult
        do throws(ConformanceRunner.Failure) {
            result = try runner.run(test, in: file)
        } catch { return failureProblem(error.message, expected) }
        if let problem = valueProblem(result.value, expected) { return problem }
        if let problem = annotationProblem(result, test.annotations) { return problem }
        return aroundProblem(test, in: file, runner, expected)
    }

    private static func failureProblem(
        _ message: String,
        _ expected: ConformanceFile.Expectation
    ) -> String? {
        guard expected.type == "error" else { return "failed: \(message)" }
        if let wanted = expected.msg, wanted != message {
            return "error is \"\(message)\", not \"\(wanted)\""
        }
        if let pattern = expected.regex, !matches(message, pattern) {
            return "error \"\(message)\" does not match \(pattern)"
        }
        return nil
    }

    private static func matches(_ text: String, _ pattern: String) -> Bool {
        text.range(of: pattern, options: .regularExpression) != nil
    }

    // MARK: Values

    /// Relative 1e-6; NaN equals NaN.
    private static func isNear(_ value: Double, _ text: String?) -> Bool {
        guard let text, let wanted = Double(text.replacing("Inf", with: "inf")) else {
            return false
        }
        if value.isNaN || wanted.isNaN { return value.isNaN && wanted.isNaN }
        if value == wanted { return true }
        return (value - wanted).magnitude / (value.magnitude + wanted.magnitude) < 1e-6
    }

    private static func valueProblem(
        _ value: QueryValue,
        _ expected: ConformanceFile.Expectation
    ) -> String? {
        switch (value, expected.type) {
        case (.scalar(let number), "scalar"):
            return isNear(number, expected.value)
                ? nil : "is \(number), not \(expected.value ?? "")"
        case (.string(let text), "string"):
            return text == expected.value ? nil : "is \"\(text)\", not \"\(expected.value ?? "")\""
        case (.vector(let samples), "vector"): return vectorProblem(samples, expected)
        case (.matrix(let series), "matrix"): return matrixProblem(series, expected)
        case (_, "error"): return "gave an answer, should have failed"
        default: return "is of another type than \(expected.type)"
        }
    }

    private static func vectorProblem(
        _ samples: [VectorSample],
        _ expected: ConformanceFile.Expectation
    ) -> String? {
        let wanted = expected.samples ?? []
        guard samples.count == wanted.count else {
            return "has \(samples.count) samples, not \(wanted.count): "
                + samples.map { "\($0.labels) \($0.value)" }.joined(separator: ", ")
        }
        for (index, sample) in samples.enumerated() {
            let match =
                expected.ordered == true
                ? wanted[index]
                : wanted.first { LabelSet($0.labels.map { Label($0, $1) }) == sample.labels }
            guard let match, LabelSet(match.labels.map { Label($0, $1) }) == sample.labels else {
                return "has \(sample.labels) where it should not"
            }
            guard isNear(sample.value, match.value) else {
                return "\(sample.labels) is \(sample.value), not \(match.value ?? "a histogram")"
            }
        }
        return nil
    }

    private static func matrixProblem(
        _ series: [SeriesSamples],
        _ expected: ConformanceFile.Expectation
    ) -> String? {
        let wanted = expected.series ?? []
        guard series.count == wanted.count else {
            return "has \(series.count) series, not \(wanted.count): "
                + series.map { "\($0.labels)" }.joined(separator: ", ")
        }
        for one in series {
            let match = wanted.first { LabelSet($0.labels.map { Label($0, $1) }) == one.labels }
            guard let match else { return "has \(one.labels), should not" }
            guard match.points.count == one.samples.count else {
                return "\(one.labels) has \(one.samples.count) points, not \(match.points.count)"
            }
            for (sample, point) in zip(one.samples, match.points) {
                guard sample.timestamp == Timestamp(seconds: point.seconds),
                    isNear(sample.value, point.value)
                else {
                    return "\(one.labels) at \(sample.timestamp.seconds) is \(sample.value), not "
                        + "\(point.value ?? "a histogram") at \(point.seconds)"
                }
            }
        }
        return nil
    }

    // MARK: Annotations

    private static func annotationProblem(
        _ result: QueryResult,
        _ expected: ConformanceFile.Annotations?
    ) -> String? {
        guard let expected else { return nil }
        func withoutPosition(_ text: String) -> String {
            text.replacing(#/ \(\d+:\d+\)$/#, with: "")
        }
        func problem(
            _ name: String,
            _ got: [String],
            _ wanted: [ConformanceFile.Annotation]?,
            _ unwanted: [ConformanceFile.Annotation]?
        ) -> String? {
            if unwanted != nil, !got.isEmpty { return "has \(name)s: \(got)" }
            guard let wanted else { return nil }
            if got.isEmpty { return "has no \(name)" }
            for one in wanted {
                if let text = one.msg,
                    !got.contains(where: { withoutPosition($0) == withoutPosition(text) })
                {
                    return "\(name)s are \(got), not \"\(text)\""
                }
                if let pattern = one.regex, !got.contains(where: { matches($0, pattern) }) {
                    return "\(name)s \(got) do not match \(pattern)"
                }
            }
            return nil
        }
        return problem("warning", result.warnings, expected.warn, expected.no_warn)
            ?? problem("info", result.infos, expected.info, expected.no_info)
    }

    // MARK: Range queries

    /// An instant query must say the same as a range query around its moment.
    private static func aroundProblem(
        _ test: ConformanceFile.Case,
        in file: ConformanceFile,
        _ runner: ConformanceRunner,
        _ expected: ConformanceFile.Expectation
    ) -> String? {
        let text = test.expr.lowercased()
        guard let at = test.at, expected.ordered != true,
            expected.type == "vector" || expected.type == "scalar",
            !["start(", "end(", "step(", "range("].contains(where: text.contains)
        else { return nil }
        let result: QueryResult
        do throws(ConformanceRunner.Failure) {
            result = try runner.runAround(test, in: file)
        } catch { return "as a range query failed: \(error.message)" }
        guard case .matrix(let series) = result.value else {
            return "is no matrix as a range query"
        }
        let moment = Duration(prometheus: at).map(\.inSeconds) ?? Double(at) ?? 0
        let samples = series.compactMap { one in
            one.samples.first { $0.timestamp == Timestamp(seconds: moment) }
                .map { VectorSample(labels: one.labels, value: $0.value) }
        }
        let problem =
            expected.type == "scalar"
            ? (samples.first.map { isNear($0.value, expected.value) } == true
                ? nil : "is another scalar")
            : vectorProblem(samples, expected)
        return problem.map { "as a range query \($0)" }
    }
}
