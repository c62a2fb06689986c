/// A number of bytes as people write it.
package struct ByteSize: Hashable, Sendable {
    package var bytes: Int

    /// The factor of each unit; powers of two with an `i`, of ten without, as IEC 80000-13 has them.
    package static let units: [(name: String, factor: Double)] = [
        ("B", 1), ("KiB", 1024), ("MiB", 1_048_576), ("GiB", 1_073_741_824),
        ("TiB", 1_099_511_627_776), ("kB", 1e3), ("KB", 1e3), ("MB", 1e6), ("GB", 1e9),
        ("TB", 1e12),
    ]

    /// Reads `512`, `64KiB`, `1.5GiB`, `10 MB`; nil for anything else, fractions of a byte and overflow.
    package init?(text: String) {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let unit = text.dropFirst(number.count).drop { $0 == " " }
        guard let value = Double(number),
            let factor = unit.isEmpty
                ? 1 : ByteSize.units.first(where: { $0.name == unit })?.factor,
            let bytes = Int(exactly: value * factor)
        else { return nil }
        self.bytes = bytes
    }
}
