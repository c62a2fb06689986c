package import Model

/// What records are kept together by: the tag, and the Kubernetes namespace and container when they are there.
package struct LogStream: Hashable, Sendable, Codable, CustomStringConvertible {
    package var tag: String
    /// Empty when the record has no `kubernetes.namespace_name` or `kubernetes.namespace`.
    package var namespace: String
    /// Empty when the record has no `kubernetes.container_name` or `kubernetes.container.name`.
    package var container: String

    package init(tag: String, namespace: String = "", container: String = "") {
        self.tag = tag
        self.namespace = namespace
        self.container = container
    }

    /// The stream of a record, from nested or dotted Kubernetes fields in either shape.
    package init(of record: LogRecord) {
        self.init(tag: record.tag)
        for (name, value) in record.fields where name.utf8.first == UInt8(ascii: "k") {
            guard name.hasPrefix("kubernetes") else { continue }
            if name.utf8.count == 10 {
                guard case .object(let inner) = value else { continue }
                for (name, value) in inner { take(name[...], value) }
            } else if name.hasPrefix("kubernetes.") {
                take(name.dropFirst(11), value)
            }
        }
    }

    private mutating func take(_ name: Substring, _ value: LogValue) {
        switch (name.utf8.count, value) {
        // `namespace_name` and `container_name` have 14 bytes and so has `container.name`, which tells most
        // others from them at once.
        case (14, .string(let text)):
            if name == "namespace_name" { namespace = text }
            if name == "container_name" || name == "container.name" { container = text }
        case (9, .string(let text)) where name == "namespace": namespace = text
        case (9, .object(let inner)) where name == "container":
            if case .string(let text)? = inner.first(where: { $0.name == "name" })?.value {
                container = text
            }
        case _: break
        }
    }

    package var description: String {
        [tag, namespace, container].filter { !$0.isEmpty }.joined(separator: "/")
    }
}
