/// A place in a file that a person wrote; line and column count from 1.
package struct SourceLocation: Hashable, Sendable, Codable, CustomStringConvertible {
    package var file: String
    package var line: Int
    package var column: Int

    package init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }

    package var description: String { "\(file):\(line):\(column)" }
}

/// One problem in a file, in words that say what, where and how to mend.
package struct Diagnostic: Error, Hashable, Sendable, CustomStringConvertible {
    package var location: SourceLocation
    package var message: String

    package init(_ location: SourceLocation, _ message: String) {
        self.location = location
        self.message = message
    }

    package var description: String { "\(location): \(message)" }
}

/// Every problem of a load, so that a person mends them in one go.
package struct DiagnosticList: Error, Sendable, CustomStringConvertible {
    package var diagnostics: [Diagnostic]

    package init(_ diagnostics: [Diagnostic]) {
        self.diagnostics = diagnostics
    }

    package var description: String {
        diagnostics.map(\.description).joined(separator: "\n")
    }
}

/// Finds the name a person most likely meant.
package enum NearMiss {
    /// The candidate within edit distance 2 (a third of the length for long names) of `word`; nil when none is near.
    package static func nearest(to word: String, in candidates: some Sequence<String>) -> String? {
        let limit = max(2, word.count / 3)
        return candidates.map { (name: $0, distance: distance(word, $0)) }
            .filter { $0.distance <= limit && $0.distance < word.count }
            .min { ($0.distance, $0.name) < ($1.distance, $1.name) }?.name
    }

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
