package import Timekeeping

/// One value of a series at one moment.
package struct Sample: Sendable {
    package var timestamp: Timestamp
    package var value: Double

    @inlinable package init(_ timestamp: Timestamp, _ value: Double) {
        self.timestamp = timestamp
        self.value = value
    }

    /// Compares bits, so that NaNs are equal to themselves and 0 differs from -0.
    package func isIdentical(to other: Sample) -> Bool {
        timestamp == other.timestamp && value.bitPattern == other.value.bitPattern
    }
}

/// The marker that ends a series, a NaN known by its bits; never let it pass through arithmetic.
package enum Staleness {
    package static let bits: UInt64 = 0x7ff0_0000_0000_0002

    package static var marker: Double { Double(bitPattern: bits) }

    @inlinable package static func isMarker(_ value: Double) -> Bool {
        value.bitPattern == 0x7ff0_0000_0000_0002
    }
}
