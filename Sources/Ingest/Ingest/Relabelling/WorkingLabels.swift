package import Model

/// Labels while rules change them: in any order, each name once.
package struct WorkingLabels: Hashable, Sendable {
    /// Empty values are those that were given empty; `set` puts none in.
    package private(set) var labels: [Label]

    /// Takes labels whose names are unique.
    package init(_ labels: [Label] = []) { self.labels = labels }

    package init(_ labels: LabelSet) { self.labels = labels.labels }

    /// The value of `name`; empty when there is none.
    package subscript(name: String) -> String {
        labels.first { $0.name.hasSameBytes(as: name) }?.value ?? ""
    }

    /// True when the name is there, be its value empty or not.
    package func has(_ name: String) -> Bool {
        labels.contains { $0.name.hasSameBytes(as: name) }
    }

    /// Puts a value in place of another; an empty one removes the label.
    package mutating func set(_ name: String, _ value: String) {
        guard let index = labels.firstIndex(where: { $0.name.hasSameBytes(as: name) }) else {
            if !value.isEmpty { labels.append(Label(name, value)) }
            return
        }
        if value.isEmpty { labels.remove(at: index) } else { labels[index].value = value }
    }

    package mutating func remove(_ name: String) {
        labels.removeAll { $0.name.hasSameBytes(as: name) }
    }

    package mutating func removeAll(where condition: (Label) -> Bool) {
        labels.removeAll(where: condition)
    }

    /// Sorted, without empty values.
    package var labelSet: LabelSet { LabelSet(labels) }
}
