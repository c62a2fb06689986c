import Model
import PromQL
import PromQLSyntax
import TestSupport
import Timekeeping

/// A script of `load`, `eval` and `expect` lines.
///
///     load 1m
///       up{job="a"} 1 1 0
///       c_total{job="a"} 1 1 2
///       c_total{job="a"}@st -1m -1m -2m
///     eval instant at 2m sum(up)
///       {} 0
///     eval range from 0 to 2m step 1m up > 0
///       up{job="a"} 1 1
///     eval instant at 0 rate(up)
///       expect fail: 1:6: parse error: ...
///
/// Expected values stand in series notation; a line without labels is a scalar. `expect ordered` makes the order
/// count, `expect warning:`, `expect info:` and `expect fail:` hold the whole text, `expect string:` a string.
/// `@st` after the labels of the series above gives its samples' start timestamps (`StartNotation`). Several evaluations may follow one load; the next load starts afresh.
struct QueryScript {
    struct Evaluation {
        var line: Int
        var text: String
        var at: Int64?
        var range: (start: Int64, end: Int64, step: Int64)?
        var series: [(labels: LabelSet, values: [Double?])] = []
        var scalar: Double?
        var string: String?
        var failure: String?
        var warnings: [String] = []
        var infos: [String] = []
        var isOrdered = false
        var source: SeriesList
    }

    struct Malformed: Error, CustomStringConvertible {
        var line: Int
        var text: String
        var description: String { "line \(line): cannot read \"\(text)\"" }
    }

    private(set) var evaluations: [Evaluation] = []

    init(_ text: String) throws {
        var interval: Int64 = 0
        var loaded: [SeriesSamples] = []
        var isLoading = false
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        for (index, raw) in lines.enumerated() {
            let number = index + 1
            guard let start = raw.firstIndex(where: { $0 != " " }), raw[start] != "#" else {
                continue
            }
            let line = String(raw[start...])
            if start == raw.startIndex {
                if let rest = line.after("load ") {
                    interval = try QueryScript.milliseconds(rest, number)
                    loaded = []
                    isLoading = true
                } else {
                    isLoading = false
                    var evaluation = Evaluation(
                        line: number,
                        text: "",
                        source: SeriesList(loaded)
                    )
                    try QueryScript.readHead(line, number, into: &evaluation)
                    evaluations.append(evaluation)
                }
            } else if isLoading {
                try QueryScript.load(line, number, interval, into: &loaded)
            } else if !evaluations.isEmpty {
                try QueryScript.readExpectation(
                    line,
                    number,
                    into: &evaluations[evaluations.count - 1]
                )
            } else {
                throw Malformed(line: number, text: line)
            }
        }
    }

    private static func milliseconds(_ text: String, _ line: Int) throws -> Int64 {
        if let duration = Duration(prometheus: text) { return duration.milliseconds }
        guard let seconds = Double(text) else { throw Malformed(line: line, text: text) }
        return Int64((seconds * 1000).rounded())
    }

    private static func readHead(
        _ line: String,
        _ number: Int,
        into evaluation: inout Evaluation
    ) throws {
        let words = line.split(separator: " ").map(String.init)
        func text(from index: Int) -> String { words[index...].joined(separator: " ") }
        if line.hasPrefix("eval instant at "), words.count > 4 {
            evaluation.at = try milliseconds(words[3], number)
            evaluation.text = text(from: 4)
        } else if line.hasPrefix("eval range from "), words.count > 8 {
            evaluation.range = (
                try milliseconds(words[3], number), try milliseconds(words[5], number),
                try milliseconds(words[7], number)
            )
            evaluation.text = text(from: 8)
        } else {
            throw Malformed(line: number, text: line)
        }
    }

    private static func readExpectation(
        _ line: String,
        _ number: Int,
        into evaluation: inout Evaluation
    ) throws {
        if line == "expect ordered" {
            evaluation.isOrdered = true
        } else if let text = line.after("expect fail: ") {
            evaluation.failure = text
        } else if let text = line.after("expect warning: ") {
            evaluation.warnings.append(text)
        } else if let text = line.after("expect info: ") {
            evaluation.infos.append(text)
        } else if let text = line.after("expect string: ") {
            evaluation.string = text
        } else if let scalar = Double(line.replacing("Inf", with: "inf")) {
            evaluation.scalar = scalar
        } else {
            let (labels, values) = try split(line, number)
            evaluation.series.append(
                (try SeriesNotation.labels(labels), try SeriesNotation.values(values))
            )
        }
    }

    private static func load(
        _ line: String,
        _ number: Int,
        _ interval: Int64,
        into loaded: inout [SeriesSamples]
    ) throws {
        let (labels, values) = try split(line, number)
        if let values = values.after("@st ") {
            guard !loaded.isEmpty else { throw Malformed(line: number, text: line) }
            loaded[loaded.count - 1].starts = try StartNotation.starts(values, interval: interval)
            return
        }
        var samples: [Sample] = []
        for (index, value) in try SeriesNotation.values(values).enumerated() {
            guard let value else { continue }
            samples.append(Sample(Timestamp(milliseconds: Int64(index) * interval), value))
        }
        loaded.append(
            SeriesSamples(labels: try SeriesNotation.labels(labels), samples: samples)
        )
    }

    /// Labels and values: the values begin after the closing brace, or the first blank.
    private static func split(_ line: String, _ number: Int) throws -> (String, String) {
        if let brace = line.lastIndex(of: "}") {
            let after = line.index(after: brace)
            return (String(line[..<after]), String(line[after...]))
        }
        guard let blank = line.firstIndex(of: " ") else {
            throw Malformed(line: number, text: line)
        }
        return (String(line[..<blank]), String(line[blank...]))
    }
}

extension String {
    fileprivate func after(_ prefix: String) -> String? {
        hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
    }
}
