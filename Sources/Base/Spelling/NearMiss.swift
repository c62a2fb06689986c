/// Finds the name a person most likely meant.
package enum NearMiss {
    /// The candidate within edit distance 2 (a third of the length for long names) of `word`; nil when none is near.
    ///
    /// - Complexity: O(*n* · *m*) for each candidate, in the lengths of both words.
    package static func nearest(to word: String, in candidates: some Sequence<String>) -> String? {
        let limit = max(2, word.count / 3)
        return candidates.map { (name: $0, distance: distance(word, $0)) }
            .filter { $0.distance <= limit && $0.distance < word.count }
            .min { ($0.distance, $0.name) < ($1.distance, $1.name) }?.name
    }

    /// Insertions, deletions and substitutions that make one word the other, whatever the case of its letters.
    private static func distance(_ left: String, _ right: String) -> Int {
        let a = Array(left.lowercased().utf8)
        let b = Array(right.lowercased().utf8)
        var previous = Array(0...b.count)
        for (row, byte) in a.enumerated() {
            var current = [row + 1]
            for (column, other) in b.enumerated() {
                current.append(
                    min(
                        previous[column + 1] + 1,
                        current[column] + 1,
                        previous[column] + (byte == other ? 0 : 1)
                    )
                )
            }
            previous = current
        }
        return previous[b.count]
    }
}
