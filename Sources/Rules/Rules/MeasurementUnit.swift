/// The unit of a rule's expression, or of a quantity in a rule file.
package struct MeasurementUnit: Hashable, Sendable {
    /// What is measured; quantities convert within one dimension only.
    package enum Dimension: String, Hashable, Sendable {
        case time, share, size, count, rate, throughput, money

        /// With an article, for messages.
        var inWords: String {
            switch self {
            case .time: "a time"
            case .share: "a share"
            case .size: "a size in bytes"
            case .count: "a plain count"
            case .rate: "a rate of events"
            case .throughput: "bytes per time"
            case .money: "an amount of money"
            }
        }
    }

    /// As rule files name it: `ms`, `per_hour`.
    package let name: String
    package let dimension: Dimension
    /// The unit in base units (seconds, ratio, bytes, one, per second) is multiplier / divisor * 10^exponent.
    let multiplier: Double
    let divisor: Double
    let exponent: Int
    /// How quantities write it: `ms`; `/hr` and `/h` for `per_hour`.
    let suffixes: [String]

    private init(
        _ name: String,
        _ dimension: Dimension,
        multiplier: Double = 1,
        divisor: Double = 1,
        exponent: Int = 0,
        _ suffixes: [String]
    ) {
        self.name = name
        self.dimension = dimension
        self.multiplier = multiplier
        self.divisor = divisor
        self.exponent = exponent
        self.suffixes = suffixes
    }

    /// The unit that rule files name so; nil when there is none.
    package init?(name: String) {
        guard let found = MeasurementUnit.named.first(where: { $0.name == name }) else {
            return nil
        }
        self = found
    }

    /// The units that `unit:` takes.
    package static let named: [MeasurementUnit] = [
        MeasurementUnit("s", .time, ["s", "sec"]),
        MeasurementUnit("ms", .time, exponent: -3, ["ms"]),
        MeasurementUnit("us", .time, exponent: -6, ["us", "µs", "μs"]),
        MeasurementUnit("ns", .time, exponent: -9, ["ns"]),
        MeasurementUnit("min", .time, multiplier: 60, ["m", "min"]),
        MeasurementUnit("h", .time, multiplier: 3600, ["h", "hr"]),
        MeasurementUnit("d", .time, multiplier: 86400, ["d"]),
        MeasurementUnit("ratio", .share, []),
        MeasurementUnit("percent", .share, exponent: -2, ["%"]),
        MeasurementUnit("bytes", .size, ["B"]),
        MeasurementUnit("count", .count, []),
        MeasurementUnit("per_second", .rate, ["/s", "/sec"]),
        MeasurementUnit("per_minute", .rate, divisor: 60, ["/m", "/min"]),
        MeasurementUnit("per_hour", .rate, divisor: 3600, ["/h", "/hr", "/hour"]),
        MeasurementUnit("per_day", .rate, divisor: 86400, ["/d", "/day"]),
        MeasurementUnit("bytes_per_second", .throughput, ["B/s"]),
        MeasurementUnit("usd", .money, ["USD", "usd"]),
    ]

    /// Units that only quantities bear.
    private static let sizes: [MeasurementUnit] = [
        ("KiB", 1024, 0), ("MiB", 1_048_576, 0), ("GiB", 1_073_741_824, 0),
        ("TiB", 1_099_511_627_776, 0), ("kB", 1, 3), ("KB", 1, 3), ("MB", 1, 6), ("GB", 1, 9),
        ("TB", 1, 12),
    ].flatMap { name, multiplier, exponent in
        [
            MeasurementUnit(
                name,
                .size,
                multiplier: multiplier,
                exponent: exponent,
                [name]
            ),
            MeasurementUnit(
                name + "/s",
                .throughput,
                multiplier: multiplier,
                exponent: exponent,
                [name + "/s"]
            ),
        ]
    }

    /// The unit a quantity bears after its number; nil when the suffix is unknown or empty.
    static func suffixed(_ suffix: String) -> MeasurementUnit? {
        (named + sizes).first { $0.suffixes.contains(suffix) }
    }

    /// Every suffix a quantity may bear.
    static var suffixes: [String] { (named + sizes).flatMap(\.suffixes) }

    /// A quantity's example in this unit, for messages.
    var example: String {
        switch dimension {
        case .time: "300ms"
        case .share: "0.5%"
        case .size: "1GiB"
        case .count: "500"
        case .rate: "3/hr"
        case .throughput: "10MiB/s"
        case .money: "$200"
        }
    }
}
