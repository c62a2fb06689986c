/// What makes a rule the same rule after a reload or a restart; its expression and timings may change.
struct RuleKey: Hashable, Sendable {
    enum Kind: String, Sendable {
        case recording, alert, threshold
    }

    var group: String
    var kind: Kind
    var name: String
    /// As in the file, group labels included.
    var labels: [String: String]
    /// Counts rules that are alike in all this, in the order they are loaded.
    var place: Int

    /// The key under which states are saved.
    var text: String {
        let pairs = labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let suffix = place == 0 ? "" : "#\(place)"
        return "\(group)/\(kind.rawValue)/\(name){\(pairs.joined(separator: ","))}\(suffix)"
    }
}
