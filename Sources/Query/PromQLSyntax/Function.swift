/// The functions of PromQL, named as they are written.
package enum Function: String, Hashable, Sendable, CaseIterable {
    case abs, absent, acos, acosh, asin, asinh, atan, atanh, ceil, changes, clamp, cos, cosh, deg
    case delta, deriv, end, exp, floor, hour, idelta, increase, info, irate, ln, log10, log2
    case minute, month, pi, rad, range, rate, resets, round, scalar, sgn, sin, sinh, sort, sqrt
    case start, step, tan, tanh, time, timestamp, vector, year
    case absentOverTime = "absent_over_time"
    case avgOverTime = "avg_over_time"
    case clampMax = "clamp_max"
    case clampMin = "clamp_min"
    case countOverTime = "count_over_time"
    case dayOfMonth = "day_of_month"
    case dayOfWeek = "day_of_week"
    case dayOfYear = "day_of_year"
    case daysInMonth = "days_in_month"
    case doubleExponentialSmoothing = "double_exponential_smoothing"
    case firstOverTime = "first_over_time"
    case histogramAvg = "histogram_avg"
    case histogramCount = "histogram_count"
    case histogramFraction = "histogram_fraction"
    case histogramQuantile = "histogram_quantile"
    case histogramQuantiles = "histogram_quantiles"
    case histogramStddev = "histogram_stddev"
    case histogramStdvar = "histogram_stdvar"
    case histogramSum = "histogram_sum"
    case labelJoin = "label_join"
    case labelReplace = "label_replace"
    case lastOverTime = "last_over_time"
    case madOverTime = "mad_over_time"
    case maxOf = "max_of"
    case maxOverTime = "max_over_time"
    case minOf = "min_of"
    case minOverTime = "min_over_time"
    case predictLinear = "predict_linear"
    case presentOverTime = "present_over_time"
    case quantileOverTime = "quantile_over_time"
    case sortByLabel = "sort_by_label"
    case sortByLabelDesc = "sort_by_label_desc"
    case sortDesc = "sort_desc"
    case startTimestamp = "start_timestamp"
    case stddevOverTime = "stddev_over_time"
    case stdvarOverTime = "stdvar_over_time"
    case sumOverTime = "sum_over_time"
    case tsOfFirstOverTime = "ts_of_first_over_time"
    case tsOfLastOverTime = "ts_of_last_over_time"
    case tsOfMaxOverTime = "ts_of_max_over_time"
    case tsOfMinOverTime = "ts_of_min_over_time"

    /// What the function takes and answers.
    package var signature: FunctionSignature {
        switch self {
        case .abs, .absent, .acos, .acosh, .asin, .asinh, .atan, .atanh, .ceil, .cos, .cosh, .deg,
            .exp, .floor, .ln, .log10, .log2, .rad, .sgn, .sin, .sinh, .sort, .sortDesc, .sqrt,
            .tan, .tanh, .timestamp, .histogramAvg, .histogramCount, .histogramSum,
            .histogramStddev, .histogramStdvar:
            FunctionSignature([.vector])
        case .startTimestamp: FunctionSignature([.vector], isExperimental: true)
        case .absentOverTime, .avgOverTime, .changes, .countOverTime, .delta, .deriv, .idelta,
            .increase, .irate, .lastOverTime, .maxOverTime, .minOverTime, .presentOverTime, .rate,
            .resets, .stddevOverTime, .stdvarOverTime, .sumOverTime:
            FunctionSignature([.matrix])
        case .firstOverTime, .madOverTime, .tsOfFirstOverTime, .tsOfLastOverTime,
            .tsOfMaxOverTime, .tsOfMinOverTime:
            FunctionSignature([.matrix], isExperimental: true)
        case .dayOfMonth, .dayOfWeek, .dayOfYear, .daysInMonth, .hour, .minute, .month, .year:
            FunctionSignature([.vector], optional: 1)
        case .clamp: FunctionSignature([.vector, .scalar, .scalar])
        case .clampMax, .clampMin: FunctionSignature([.vector, .scalar])
        case .round: FunctionSignature([.vector, .scalar], optional: 1)
        case .pi, .time: FunctionSignature([], returns: .scalar)
        case .start, .end, .step, .range:
            FunctionSignature([], returns: .scalar, isExperimental: true)
        case .maxOf, .minOf:
            FunctionSignature([.scalar, .scalar], returns: .scalar, isExperimental: true)
        case .scalar: FunctionSignature([.vector], returns: .scalar)
        case .vector: FunctionSignature([.scalar])
        case .doubleExponentialSmoothing:
            FunctionSignature([.matrix, .scalar, .scalar], isExperimental: true)
        case .predictLinear: FunctionSignature([.matrix, .scalar])
        case .quantileOverTime: FunctionSignature([.scalar, .matrix])
        case .histogramFraction: FunctionSignature([.scalar, .scalar, .vector])
        case .histogramQuantile: FunctionSignature([.scalar, .vector])
        case .histogramQuantiles:
            FunctionSignature(
                [.vector, .string, .scalar, .scalar],
                optional: 9,
                isExperimental: true
            )
        case .info: FunctionSignature([.vector, .vector], optional: 1, isExperimental: true)
        case .labelReplace: FunctionSignature([.vector, .string, .string, .string, .string])
        case .labelJoin: FunctionSignature([.vector, .string, .string, .string], isOpenEnded: true)
        case .sortByLabel, .sortByLabelDesc:
            FunctionSignature([.vector, .string], isOpenEnded: true, isExperimental: true)
        }
    }
}

/// What a function takes and answers.
package struct FunctionSignature: Hashable, Sendable {
    package var arguments: [ValueType]
    package var returns: ValueType
    /// True for functions that Prometheus keeps behind a flag.
    package var isExperimental: Bool
    /// The fewest arguments.
    package var countMin: Int
    /// The most arguments; nil when there is no end (the last type repeats).
    package var countMax: Int?

    /// A signature with the argument types in order.
    ///
    /// `optional` says how many arguments there may be from the last listed on; with `isOpenEnded` the last
    /// listed one may be left out or repeated.
    init(
        _ arguments: [ValueType],
        optional: Int = 0,
        isOpenEnded: Bool = false,
        returns: ValueType = .vector,
        isExperimental: Bool = false
    ) {
        self.arguments = arguments
        self.returns = returns
        self.isExperimental = isExperimental
        countMin = arguments.count - (optional > 0 || isOpenEnded ? 1 : 0)
        countMax = isOpenEnded ? nil : countMin + optional
    }
}
