import Synchronization

/// What kind of metric a family is.
package enum MetricKind: String, Sendable {
    case counter, gauge, histogram
}

/// One line of a family: labels and a value.
///
/// Non-finite values are written as NaN, +Inf, -Inf.
package struct MetricPoint: Sendable {
    package var labels: [(name: String, value: String)]
    package var value: Double

    package init(_ labels: [(name: String, value: String)] = [], _ value: Double) {
        self.labels = labels
        self.value = value
    }
}

/// A metric family computed at scrape time.
package struct MetricFamily: Sendable {
    /// Without `_total`; the exposition adds it to counters.
    package var name: String
    package var help: String
    package var kind: MetricKind
    package var points: [MetricPoint]

    package init(_ name: String, help: String, kind: MetricKind, points: [MetricPoint]) {
        self.name = name
        self.help = help
        self.kind = kind
        self.points = points
    }
}

/// The service's own metrics, written as Prometheus text 0.0.4 or OpenMetrics 1.0.
///
/// Asking twice for one name and label set gives the same instrument.
package final class MetricsRegistry: Sendable {
    private enum Instrument: Sendable {
        case counter(Counter)
        case gauge(Gauge)
        case histogram(Histogram)
    }

    private struct Family {
        var help: String
        var kind: MetricKind
        var instruments: [(labels: [(name: String, value: String)], instrument: Instrument)] = []
    }

    private struct State {
        var families: [String: Family] = [:]
        var collectors: [@Sendable () -> [MetricFamily]] = []
    }

    private let state = Mutex(State())

    package init() {}

    /// The counter of this name (without `_total`) and labels.
    package func counter(
        _ name: String,
        help: String,
        labels: [(name: String, value: String)] = []
    ) -> Counter {
        let made = instrument(name, help, .counter, labels) { .counter(Counter()) }
        guard case .counter(let counter) = made else {
            preconditionFailure("\(name) is no counter")
        }
        return counter
    }

    /// The gauge of this name and labels.
    package func gauge(
        _ name: String,
        help: String,
        labels: [(name: String, value: String)] = []
    ) -> Gauge {
        let made = instrument(name, help, .gauge, labels) { .gauge(Gauge()) }
        guard case .gauge(let gauge) = made else { preconditionFailure("\(name) is no gauge") }
        return gauge
    }

    /// The histogram of this name and labels.
    package func histogram(
        _ name: String,
        help: String,
        labels: [(name: String, value: String)] = [],
        bounds: [Double] = Histogram.timeBounds
    ) -> Histogram {
        let made = instrument(name, help, .histogram, labels) {
            .histogram(Histogram(bounds: bounds))
        }
        guard case .histogram(let histogram) = made else {
            preconditionFailure("\(name) is no histogram")
        }
        return histogram
    }

    /// Adds families that are computed when somebody scrapes.
    package func collect(_ families: @escaping @Sendable () -> [MetricFamily]) {
        state.withLock { $0.collectors.append(families) }
    }

    private func instrument(
        _ name: String,
        _ help: String,
        _ kind: MetricKind,
        _ labels: [(name: String, value: String)],
        make: () -> Instrument
    ) -> Instrument {
        let sorted = labels.sorted { $0.name < $1.name }
        return state.withLock { state in
            var family = state.families[name] ?? Family(help: help, kind: kind)
            precondition(family.kind == kind, "metric \(name) is registered with another kind")
            if let known = family.instruments.first(where: { entry in
                entry.labels.elementsEqual(sorted) { $0.name == $1.name && $0.value == $1.value }
            }) {
                return known.instrument
            }
            let made = make()
            family.instruments.append((sorted, made))
            state.families[name] = family
            return made
        }
    }

    /// Every family in the given format, sorted by name.
    package func exposition(_ format: ExpositionFormat) -> String {
        let (families, collectors) = state.withLock { ($0.families, $0.collectors) }
        var writer = ExpositionWriter(format: format)
        var blocks: [(name: String, write: (inout ExpositionWriter) -> Void)] = []
        for (name, family) in families {
            blocks.append(
                (
                    name,
                    { writer in
                        writer.header(name, help: family.help, kind: family.kind)
                        for (labels, instrument) in family.instruments {
                            switch instrument {
                            case .counter(let counter):
                                writer.sample(name, .counter, labels, Double(counter.value))
                            case .gauge(let gauge):
                                writer.sample(name, .gauge, labels, gauge.value)
                            case .histogram(let histogram):
                                writer.histogram(name, labels, histogram)
                            }
                        }
                    }
                )
            )
        }
        for family in collectors.flatMap({ $0() }) {
            blocks.append(
                (
                    family.name,
                    { writer in
                        writer.header(family.name, help: family.help, kind: family.kind)
                        for point in family.points {
                            writer.sample(family.name, family.kind, point.labels, point.value)
                        }
                    }
                )
            )
        }
        for block in blocks.sorted(by: { $0.name < $1.name }) {
            block.write(&writer)
        }
        return writer.finished()
    }
}
