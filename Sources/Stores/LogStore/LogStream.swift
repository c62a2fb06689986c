package import Model

/// What records are kept together by: the tag, and the Kubernetes namespace and container when they are there.
package struct LogStream: Hashable, Sendable, Codable, CustomStringConvertible {
    package var tag: String
    /// Empty when the record has no `kubernetes.namespace_name`.
    package var namespace: String
    /// Empty when the record has no `kubernetes.container_name`.
    package var container: String

    package init(tag: String, namespace: String = "", container: String = "") {
        self.tag = tag
        self.namespace = namespace
        self.container = container
    }

    /// The stream of a record, from nested or dotted Kubernetes fields.
    package init(of record: LogRecord) {
        self.init(tag: record.tag)
        for (name, value) in record.fields where name.utf8.first == UInt8(ascii: "k") {
            switch (name, value) {
            case ("kubernetes", .object(let inner)):
                for (name, value) in inner { take(name, value) }
            case ("kubernetes.namespace_name", _): take("namespace_name", value)
            case ("kubernetes.container_name", _): take("container_name", value)
            default: break
            }
        }
    }

    private mutating func take(_ name: String, _ value: LogValue) {
        // Both names have 14 bytes, which tells most others from them at once.
        guard name.utf8.count == 14, case .string(let text) = value else { return }
        if name == "namespace_name" { namespace = text }
        if name == "container_name" { container = text }
    }

    package var description: String {
        [tag, namespace, container].filter { !$0.isEmpty }.joined(separator: "/")
    }
}
