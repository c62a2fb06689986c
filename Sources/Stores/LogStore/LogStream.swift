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
        for (name, value) in record.fields {
            switch (name, value) {
            case ("kubernetes", .object(let inner)):
                for (name, value) in inner {
                    switch (name, value) {
                    case ("namespace_name", .string(let text)): namespace = text
                    case ("container_name", .string(let text)): container = text
                    default: break
                    }
                }
            case ("kubernetes.namespace_name", .string(let text)): namespace = text
            case ("kubernetes.container_name", .string(let text)): container = text
            default: break
            }
        }
    }

    package var description: String {
        [tag, namespace, container].filter { !$0.isEmpty }.joined(separator: "/")
    }
}
