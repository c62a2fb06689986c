/// One name for what shippers call differently: Fluent Bit and Fluentd write `kubernetes.pod_name`, Elastic's
/// Common Schema `kubernetes.pod.name`.
///
/// Whichever of its names a rule or a search uses, a field is found in both shapes; `kubernetes.namespace`,
/// `.pod`, `.container` and `.node` are the short ones. Keys of labels and annotations are found also with
/// their dots written as underscores, as shippers do that cannot store dots.
package enum KubernetesField {
    /// Names of the same thing, each below `kubernetes.`; the first is Tocsin's own.
    private static let groups = [
        ["namespace", "namespace_name"],
        ["pod", "pod_name", "pod.name"],
        ["container", "container_name", "container.name"],
        ["node", "host", "node_name", "node.name"],
        ["pod_id", "pod.uid"],
        ["container_image", "container.image"],
    ]
    private static let prefix = "kubernetes."

    /// The paths at which a field may stand, the one that was asked for first.
    ///
    /// A value that is an object counts as none at any but a path without alternatives: `kubernetes.pod` is an
    /// object in one shape and the short name of a text in the other.
    package static func paths(of path: String) -> [String] {
        guard path.hasPrefix(prefix) else { return [path] }
        let rest = String(path.dropFirst(prefix.count))
        if let group = groups.first(where: { $0.contains(rest) }) {
            return [path] + group.filter { $0 != rest }.map { prefix + $0 }
        }
        for container in ["labels.", "annotations."] where rest.hasPrefix(container) {
            let key = rest.dropFirst(container.count)
            let flat = String(key.map { $0 == "." ? "_" : $0 })
            guard flat != key else { break }
            return [path, prefix + container + flat]
        }
        return [path]
    }
}
