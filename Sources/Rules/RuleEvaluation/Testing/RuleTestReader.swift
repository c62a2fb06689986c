import Model
import PromQLSyntax
import Timekeeping
import YAML

extension MappingReader {
    /// A duration of at least a millisecond.
    func positiveDuration(_ key: String) -> Duration? {
        duration(key, in: .milliseconds(1) ... .milliseconds(Int64.max / 1_000_000))
    }
}

/// Reads the parts of a rule test file.
struct RuleTestReader {
    let valuesMax: Int
    /// Values of all series so far.
    private var valueCount = 0

    init(valuesMax: Int) { self.valuesMax = valuesMax }

    mutating func group(
        _ map: MappingReader,
        number: Int,
        _ evaluationInterval: Duration
    ) -> RuleTestFile.Group {
        let group = RuleTestFile.Group(
            name: map.string("name") ?? "test \(number)",
            interval: map.positiveDuration("interval") ?? evaluationInterval,
            input: map.mappings("input_series", "an input series").compactMap { input($0) },
            alertTests: map.mappings("alert_rule_test", "an alert test").compactMap(
                RuleTestReader.alertTest
            ),
            expressionTests: map.mappings("promql_expr_test", "an expression test")
                .compactMap(RuleTestReader.expressionTest),
            externalLabels: map.stringMap("external_labels"),
            externalURL: map.string("external_url") ?? "",
            startedAt: map.parsed(
                "start_timestamp",
                "a time, such as 2026-01-05T09:00:00Z",
                RuleTestReader.moment
            )
                ?? Timestamp(milliseconds: 0),
            response: ResponseExpectationsReader.read(map),
            location: map.location
        )
        map.finish()
        return group
    }

    /// Seconds since 1970, or RFC 3339; near enough to now that arithmetic on it cannot overflow.
    private static func moment(_ text: String) -> Timestamp? {
        guard let seconds = Double(text) else { return Timestamp(rfc3339: text) }
        return seconds.magnitude < 1e11 ? Timestamp(seconds: seconds) : nil
    }

    private mutating func input(_ map: MappingReader) -> RuleTestFile.InputSeries? {
        let series = map.requiredString("series")
        // Values may be a bare number.
        let values = map.string("values") ?? ""
        map.finish()
        guard let series else { return nil }
        do {
            return RuleTestFile.InputSeries(
                labels: try SeriesNotation.labels(series),
                values: try sparse(values)
            )
        } catch {
            map.report("series", error.description)
            return nil
        }
    }

    /// Values with their places; long runs of samples that are left out take no room.
    private mutating func sparse(
        _ text: String
    ) throws(PromQLSyntaxError) -> [(place: Int64, value: Double)] {
        var values: [(place: Int64, value: Double)] = []
        var place: Int64 = 0
        for item in text.split(whereSeparator: \.isWhitespace) {
            if item.hasPrefix("_x"), let count = Int64(item.dropFirst(2)), count < 1 << 40 {
                place += count
                continue
            }
            let room = min(SeriesNotation.valuesMax, valuesMax - valueCount)
            let spelt = try SeriesNotation.values(String(item), valuesMax: room)
            valueCount += spelt.count
            for value in spelt {
                if let value { values.append((place, value)) }
                place += 1
            }
        }
        return values
    }

    private static func alertTest(_ map: MappingReader) -> RuleTestFile.AlertTest? {
        let name = map.requiredString("alertname")
        let expected = map.mappings("exp_alerts", "an expected alert").map { alert in
            var labels = LabelSet(
                alert.stringMap("exp_labels").map { Label($0.key, $0.value) }
            )
            labels["alertname"] = name ?? ""
            let result = RuleTestFile.ExpectedAlert(
                labels: labels,
                annotations: alert.stringMap("exp_annotations"),
                level: alert.choice("exp_level", among: [("warn", .warn), ("crit", .crit)])
            )
            alert.finish()
            return result
        }
        let time = map.duration("eval_time") ?? .zero
        map.finish()
        guard let name else { return nil }
        return RuleTestFile.AlertTest(
            time: time,
            alertName: name,
            expected: expected,
            location: map.location
        )
    }

    private static func expressionTest(_ map: MappingReader) -> RuleTestFile.ExpressionTest? {
        let expression = map.requiredString("expr")
        let expected = map.mappings("exp_samples", "an expected sample").compactMap(sample)
        let time = map.duration("eval_time") ?? .zero
        map.finish()
        guard let expression else { return nil }
        return RuleTestFile.ExpressionTest(
            expression: expression,
            time: time,
            expected: expected,
            location: map.location
        )
    }

    private static func sample(_ map: MappingReader) -> RuleTestFile.ExpectedSample? {
        defer { map.finish() }
        let text = map.string("labels") ?? ""
        let value = map.parsed("value", "a number", Self.number) ?? 0
        if map.has("histogram") {
            map.report("histogram", "native histograms are not supported; remove this test")
            return nil
        }
        do {
            let labels = text.isEmpty || text == "{}" ? LabelSet() : try SeriesNotation.labels(text)
            return RuleTestFile.ExpectedSample(labels: labels, value: value)
        } catch {
            map.report("labels", error.description)
            return nil
        }
    }

    /// A number as YAML and PromQL write them: `.inf`, `+Inf`, `NaN`, `1e3`.
    private static func number(_ text: String) -> Double? {
        let plain = text.lowercased()
        switch plain.drop(while: { $0 == "+" || $0 == "-" || $0 == "." }) {
        case "nan": return .nan
        case "inf": return plain.hasPrefix("-") ? -.infinity : .infinity
        default: return Double(text.replacing("_", with: ""))
        }
    }
}
