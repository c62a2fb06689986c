import Model

extension LabelSet {
    /// True for the labels that describe the metric itself: its name, type and unit.
    static func isMetadata(_ name: String) -> Bool {
        guard name.utf8.count == 8 else { return false }
        return name == "__name__" || name == "__type__" || name == "__unit__"
    }

    /// Without the metric's name, type and unit.
    var withoutMetadata: LabelSet { filtering { !LabelSet.isMetadata($0) } }

    /// True when both have the same name, type and unit.
    func hasSameMetadata(as other: LabelSet) -> Bool {
        var mine = labels.makeIterator()
        var others = other.labels.makeIterator()
        while true {
            let a = mine.nextMetadata()
            let b = others.nextMetadata()
            guard a == b else { return false }
            if a == nil { return true }
        }
    }

    /// The labels named in `names` alone.
    func keeping(_ names: [String]) -> LabelSet { filtering { $0.isOne(of: names) } }

    /// The labels not named in `names`.
    func dropping(_ names: [String]) -> LabelSet {
        names.isEmpty ? self : filtering { !$0.isOne(of: names) }
    }

    /// The labels whose name passes, in one array of the right size.
    @inline(__always)
    func filtering(_ passes: (String) -> Bool) -> LabelSet {
        var kept: [Label] = []
        kept.reserveCapacity(labels.count)
        for label in labels where passes(label.name) { kept.append(label) }
        return LabelSet(sortedUnique: kept)
    }
}

extension IndexingIterator<[Label]> {
    fileprivate mutating func nextMetadata() -> Label? {
        while let label = next() {
            if LabelSet.isMetadata(label.name) { return label }
        }
        return nil
    }
}
