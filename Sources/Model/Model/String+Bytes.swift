extension String {
    /// True when both texts are the same bytes.
    ///
    /// `==` also holds for different bytes that stand for the same characters (`é` in one and in two code
    /// points). Labels are bytes: Prometheus, its clients and the metric store take those for two series.
    ///
    /// - Complexity: O(1) for short texts, O(*n*) otherwise; allocates nothing.
    @inlinable
    package func hasSameBytes(as other: String) -> Bool {
        utf8.count == other.utf8.count && self == other
            && (utf8Span.isKnownASCII || utf8.elementsEqual(other.utf8))
    }

    /// True when the text is, byte for byte, one of `names`.
    @inlinable
    package func isOne(of names: [String]) -> Bool {
        for name in names where hasSameBytes(as: name) { return true }
        return false
    }

    /// True when the text is, byte for byte, a member of `names`.
    @inlinable
    package func isMember(of names: Set<String>) -> Bool {
        guard let index = names.firstIndex(of: self) else { return false }
        return hasSameBytes(as: names[index])
    }
}
