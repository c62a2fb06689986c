package import Foundation
import Model
import PromQL
import PromQLSyntax
import Timekeeping

/// Prints the answers of cases, one JSON object a line, as the Prometheus HTTP API shapes them.
package enum ConformanceReport {
    /// Evaluates every case file below a folder and hands each line to `print`.
    ///
    /// - Parameters:
    ///   - folder: Where the case files lie.
    ///   - dropsNamesAtOnce: Whether each operation drops metric names at once, as Prometheus does by default.
    ///   - print: Takes each line.
    /// - Returns: The number of cases.
    /// - Throws: When a file of the format cannot be read.
    package static func run(
        below folder: URL,
        dropsNamesAtOnce: Bool = false,
        print: (String) -> Void
    ) throws -> Int {
        var settings = ConformanceRunner.defaultSettings
        settings.delaysNameRemoval = !dropsNamesAtOnce
        let runner = ConformanceRunner(settings: settings)
        var count = 0
        for url in ConformanceFile.files(below: folder) {
            guard let file = try ConformanceFile.read(url) else { continue }
            for test in file.cases {
                print(line(test, in: file, runner))
                count += 1
            }
        }
        return count
    }

    /// The line of one case.
    package static func line(
        _ test: ConformanceFile.Case,
        in file: ConformanceFile,
        _ runner: ConformanceRunner
    ) -> String {
        let id = JSONText.string(test.id)
        do throws(ConformanceRunner.Failure) {
            let result = try runner.run(test, in: file)
            let moment = seconds(test)
            return "{\"id\":\(id),\"status\":\"success\",\"data\":\(data(result, moment)),"
                + "\"warnings\":\(JSONText.list(result.warnings)),"
                + "\"infos\":\(JSONText.list(result.infos))}"
        } catch {
            return
                "{\"id\":\(id),\"status\":\"error\",\"errorType\":\(JSONText.string(error.type)),"
                + "\"error\":\(JSONText.string(error.message)),\"warnings\":[],\"infos\":[]}"
        }
    }

    private static func seconds(_ test: ConformanceFile.Case) -> String {
        guard let at = test.at else { return "0" }
        let milliseconds = Duration(prometheus: at).map(\.milliseconds)
        return JSONText.seconds(milliseconds ?? Int64(((Double(at) ?? 0) * 1000).rounded()))
    }

    private static func data(_ result: QueryResult, _ moment: String) -> String {
        switch result.value {
        case .scalar(let value):
            return
                "{\"resultType\":\"scalar\",\"result\":[\(moment),\"\(PromQLNumber.text(value))\"]}"
        case .string(let text):
            return "{\"resultType\":\"string\",\"result\":[\(moment),\(JSONText.string(text))]}"
        case .vector(let samples):
            let items = samples.map {
                "{\"metric\":\(JSONText.labels($0.labels)),\"value\":[\(moment),"
                    + "\"\(PromQLNumber.text($0.value))\"]}"
            }
            return "{\"resultType\":\"vector\",\"result\":[\(items.joined(separator: ","))]}"
        case .matrix(let series):
            let items = series.map { one in
                let points = one.samples.map {
                    "[\(JSONText.seconds($0.timestamp.milliseconds)),"
                        + "\"\(PromQLNumber.text($0.value))\"]"
                }
                return "{\"metric\":\(JSONText.labels(one.labels)),"
                    + "\"values\":[\(points.joined(separator: ","))]}"
            }
            return "{\"resultType\":\"matrix\",\"result\":[\(items.joined(separator: ","))]}"
        }
    }
}

/// JSON written by hand, in a fixed order.
private enum JSONText {
    static func string(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case _ where scalar.value < 32:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    static func list(_ texts: [String]) -> String {
        "[\(texts.map(string).joined(separator: ","))]"
    }

    static func labels(_ labels: LabelSet) -> String {
        let pairs = labels.labels.map { "\(string($0.name)):\(string($0.value))" }
        return "{\(pairs.joined(separator: ","))}"
    }

    static func seconds(_ milliseconds: Int64) -> String {
        PromQLNumber.text(Double(milliseconds) / 1000)
    }
}
