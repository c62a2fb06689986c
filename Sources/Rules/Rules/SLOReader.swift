import Model
import PromQLSyntax
import Timekeeping
import YAML

/// Reads one entry of `slos`.
struct SLOReader {
    private let map: MappingReader

    static func slo(in map: MappingReader) -> SLODefinition? { SLOReader(map: map).read() }

    private func read() -> SLODefinition? {
        let name = readName()
        let objective = readObjective()
        let window = readWindow()
        let indicator = readIndicator()
        let labels = LabelMapReader.labels(in: map, "labels")
        let description = map.string("description")
        let runbook = map.string("runbook")
        // The one set of burn-rate alerts that there is; the key may be left out.
        _ = map.choice("burn", among: [("default", true)])
        map.finish()
        guard let name, let objective, let window, let indicator else { return nil }
        return SLODefinition(
            name: name,
            objective: objective,
            window: window,
            indicator: indicator,
            labels: labels,
            description: description,
            runbook: runbook,
            location: map.location
        )
    }

    /// A name that can stand in an address and on a command line.
    private func readName() -> String? {
        guard let name = map.requiredString("name") else { return nil }
        let allowed = name.unicodeScalars.allSatisfy {
            $0.isASCII && ($0.properties.isAlphabetic || ("0"..."9").contains($0))
                || ["-", "_", "."].contains($0)
        }
        guard allowed, name.count <= 64 else {
            map.report(
                "name",
                "objective name \"\(name)\" must be at most 64 letters, digits, \"-\", \"_\" and \".\""
            )
            return nil
        }
        return name
    }

    /// `99.9%`, or a ratio such as 0.999.
    private func readObjective() -> Double? {
        guard let text = map.requiredString("objective") else { return nil }
        guard let quantity = try? Quantity(text), let ratio = MeasurementUnit(name: "ratio"),
            let value = quantity.value(in: ratio)
        else {
            map.report("objective", "objective \"\(text)\" must be a percentage, such as 99.9%")
            return nil
        }
        if value > 0, value < 1 { return value }
        let reason =
            if value == 1 {
                "leaves no error budget: one bad event would break it for good; use 99.99% or less"
            } else if value <= 0 {
                "asks for nothing; use a percentage above 0%, such as 99.9%"
            } else if quantity.unit == nil {
                "has no unit; write \(text)% for a percentage"
            } else {
                "is more than everything; use a percentage below 100%, such as 99.9%"
            }
        map.report("objective", "objective \"\(text)\" \(reason)")
        return nil
    }

    /// `30d`, or `{calendar: month, time_zone: Europe/Kyiv}`.
    private func readWindow() -> SLODefinition.Window? {
        guard let node = map.required("window") else { return nil }
        guard node.entries != nil else {
            return map.duration("window", in: .seconds(3600) ... .seconds(366 * 86400))
                .map { .rolling($0) }
        }
        guard let inner = map.mapping("window", "window") else { return nil }
        let calendar =
            inner.required("calendar").flatMap { _ in
                inner.choice("calendar", among: [("month", true)])
            }
        let zone = readZone(inner)
        inner.finish()
        guard calendar != nil else { return nil }
        return zone.map { .calendarMonth($0) }
    }

    private func readZone(_ map: MappingReader) -> TimeZoneRules? {
        guard let name = map.string("time_zone") else { return .utc }
        do {
            return try TimeZoneRules.load(name)
        } catch {
            map.report("time_zone", "\(error)")
            return nil
        }
    }

    private func readIndicator() -> SLODefinition.Indicator? {
        guard map.required("sli") != nil, let sli = map.mapping("sli", "sli") else { return nil }
        let events = sli.mapping("events", "events")
        let latency = sli.mapping("latency", "latency")
        sli.finish()
        switch (events, latency) {
        case (let events?, nil): return readEvents(events)
        case (nil, let latency?): return readLatency(latency)
        case (nil, nil), (_?, _?):
            map.report("sli", "sli takes one of events and latency; give exactly one")
            return nil
        }
    }

    private func readEvents(_ events: MappingReader) -> SLODefinition.Indicator? {
        let kind = readKind(events)
        let bad = events.has("bad") ? count(events, "bad", kind) : nil
        let good = events.has("good") ? count(events, "good", kind) : nil
        let total = count(events, "total", kind)
        events.finish()
        guard events.has("bad") != events.has("good") else {
            events.problems.report(
                events.location,
                "events takes \"bad\" or \"good\" beside \"total\"; give exactly one"
            )
            return nil
        }
        guard let total else { return nil }
        if let bad { return .badOverTotal(bad: bad, total: total) }
        return good.map { .goodOverTotal(good: $0, total: total) }
    }

    private func readLatency(_ latency: MappingReader) -> SLODefinition.Indicator? {
        let kind = readKind(latency)
        let expressions = ExpressionReader(problems: latency.problems)
        let percentages = expressions.selectors(in: latency, "percentage")
        let total = count(latency, "total", kind)
        latency.finish()
        guard let percentages, let total else { return nil }
        guard let percentage = percentages.first, percentages.count == 1 else {
            latency.report(
                "percentage",
                "\"percentage\" takes one selector; percentages cannot be added up"
            )
            return nil
        }
        return .percentageOfTotal(percentage: percentage, total: total)
    }

    private func readKind(_ map: MappingReader) -> SLODefinition.CountKind? {
        map.choice("kind", among: [("counter", .counter), ("delta", .delta)])
    }

    /// The selectors under `key`, with the kind given or the one their metrics are known to have.
    private func count(
        _ map: MappingReader,
        _ key: String,
        _ kind: SLODefinition.CountKind?
    ) -> SLODefinition.Count? {
        guard let selectors = ExpressionReader(problems: map.problems).selectors(in: map, key)
        else { return nil }
        if let kind { return SLODefinition.Count(selectors: selectors, kind: kind) }
        let kinds = Set(selectors.map { SLOReader.knownKind(of: $0.text) })
        guard let only = kinds.first, kinds.count == 1 else {
            map.report(
                key,
                "\"\(key)\" adds counters and per-period counts (CloudWatch sums); add kind: counter or "
                    + "kind: delta, or split the objective"
            )
            return nil
        }
        return SLODefinition.Count(selectors: selectors, kind: only)
    }

    /// CloudWatch's Sum and SampleCount count their own period; everything else is a counter.
    private static func knownKind(of selector: String) -> SLODefinition.CountKind {
        let name = selector.prefix { $0 != "{" }.trimmingPrefix(" ")
        let trimmed = name.split(separator: " ").first ?? ""
        return trimmed.hasPrefix("aws_")
            && (trimmed.hasSuffix("_sum") || trimmed.hasSuffix("_sample_count"))
            ? .delta : .counter
    }
}
