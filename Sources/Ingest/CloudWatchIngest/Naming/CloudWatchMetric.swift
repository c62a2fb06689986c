/// A metric as CloudWatch knows it: namespace, name and one exact set of dimensions.
package struct CloudWatchMetric: Hashable, Sendable {
    package struct Dimension: Hashable, Comparable, Sendable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }

        package static func < (left: Dimension, right: Dimension) -> Bool {
            (left.name, left.value) < (right.name, right.value)
        }
    }

    package var namespace: String
    package var name: String
    /// Sorted by name.
    package private(set) var dimensions: [Dimension]

    package init(namespace: String, name: String, dimensions: some Sequence<Dimension>) {
        self.namespace = namespace
        self.name = name
        self.dimensions = dimensions.sorted()
    }

    /// A metric with its dimensions as a dictionary literal.
    package init(_ namespace: String, _ name: String, _ dimensions: KeyValuePairs<String, String>) {
        self.init(
            namespace: namespace,
            name: name,
            dimensions: dimensions.map { Dimension($0.key, $0.value) }
        )
    }

    package var dimensionNames: Set<String> { Set(dimensions.map(\.name)) }

    /// The same dimensions under another metric name.
    package func renamed(_ name: String) -> CloudWatchMetric {
        CloudWatchMetric(namespace: namespace, name: name, dimensions: dimensions)
    }

    /// The metric of a reply; nil when namespace or name is missing.
    package init?(_ wire: WireMetric) {
        guard let namespace = wire.namespace, let name = wire.metricName else { return nil }
        self.init(
            namespace: namespace,
            name: name,
            dimensions: (wire.dimensions ?? []).map { Dimension($0.name, $0.value ?? "") }
        )
    }

    /// As the protocol writes it.
    package var wire: WireMetric {
        WireMetric(
            namespace: namespace,
            metricName: name,
            dimensions: dimensions.map { WireDimension(name: $0.name, value: $0.value) }
        )
    }
}

extension CloudWatchMetric: CustomStringConvertible {
    package var description: String {
        let pairs = dimensions.map { "\($0.name)=\($0.value)" }.joined(separator: ", ")
        return "\(namespace) \(name) {\(pairs)}"
    }
}
