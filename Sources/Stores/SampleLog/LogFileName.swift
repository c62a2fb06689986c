/// Names of the files of one shard: the position at which each begins, in sixteen hexadecimal digits.
package enum LogFileName {
    package static let segmentSuffix = ".log"
    package static let snapshotSuffix = ".snapshot"
    /// Of files that were not finished.
    package static let unfinishedSuffix = ".unfinished"
    /// Of what was put aside because it could not be read.
    package static let damagedSuffix = ".damaged"

    package static func segment(_ position: UInt64) -> String {
        digits(position) + segmentSuffix
    }

    package static func snapshot(_ position: UInt64) -> String {
        digits(position) + snapshotSuffix
    }

    /// The position that a name of this kind tells; nil for other names.
    package static func position(_ name: String, suffix: String) -> UInt64? {
        guard name.hasSuffix(suffix) else { return nil }
        let digits = name.dropLast(suffix.count)
        guard digits.utf8.count == 16, !digits.hasPrefix("+"), !digits.hasPrefix("-") else {
            return nil
        }
        return UInt64(digits, radix: 16)
    }

    private static func digits(_ position: UInt64) -> String {
        let text = String(position, radix: 16)
        return String(repeating: "0", count: 16 - text.utf8.count) + text
    }
}
