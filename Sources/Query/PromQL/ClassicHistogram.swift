/// The buckets of a classic histogram at one moment.
struct ClassicHistogram {
    struct Bucket {
        /// The bucket's inclusive upper bound, the value of its `le` label.
        var bound: Double
        /// Cumulative: all observations up to the bound.
        var count: Double
    }

    /// Sorted by bound, bounds unique.
    private(set) var buckets: [Bucket] = []
    private let endsInInfinity: Bool

    /// Takes buckets sorted by bound; those of equal bounds are added up.
    init(sorted input: [Bucket]) {
        for bucket in input {
            if let last = buckets.last, last.bound == bucket.bound {
                buckets[buckets.count - 1].count += bucket.count
            } else {
                buckets.append(bucket)
            }
        }
        endsInInfinity = buckets.last?.bound == .infinity
    }

    /// What had to be mended to make counts grow with bounds.
    struct Correction {
        var bucketMin: Double
        var bucketMax: Double
        var differenceMax: Double
    }

    /// The value below which a share `q` of the observations lies, interpolated within its bucket.
    ///
    /// - Source: Prometheus `BucketQuantile`.
    mutating func quantile(_ q: Double) -> (value: Double, correction: Correction?) {
        if q.isNaN { return (.nan, nil) }
        if q < 0 { return (-.infinity, nil) }
        if q > 1 { return (.infinity, nil) }
        guard endsInInfinity else { return (.nan, nil) }
        flattenRoundingErrors()
        let correction = forceMonotonicity()
        guard buckets.count > 1, let total = buckets.last?.count, total != 0 else {
            return (.nan, nil)
        }
        var rank = q * total
        let index = firstBucket(reaching: rank)
        if index == buckets.count - 1 { return (buckets[index - 1].bound, correction) }
        if index == 0, buckets[0].bound <= 0 { return (buckets[0].bound, correction) }
        var start = 0.0
        let end = buckets[index].bound
        var count = buckets[index].count
        if index > 0 {
            start = buckets[index - 1].bound
            count -= buckets[index - 1].count
            rank -= buckets[index - 1].count
        }
        return (start + (end - start) * (rank / count), correction)
    }

    /// The first bucket but the last whose count is at least `rank`; the last when there is none.
    ///
    /// A binary search, as in Prometheus: with NaN among the counts it matters which are looked at.
    private func firstBucket(reaching rank: Double) -> Int {
        var low = 0
        var high = buckets.count - 1
        while low < high {
            let middle = (low + high) / 2
            if buckets[middle].count >= rank { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// The share of observations between two values, interpolated within their buckets.
    ///
    /// - Source: Prometheus `BucketFraction`.
    func fraction(from lower: Double, to upper: Double) -> Double {
        guard endsInInfinity, let total = buckets.last?.count, total != 0, !lower.isNaN,
            !upper.isNaN
        else { return .nan }
        if lower >= upper { return 0 }
        var rank = 0.0
        var lowerRank: Double?
        var upperRank: Double?
        for (index, bucket) in buckets.enumerated() {
            var start = -Double.infinity
            if index > 0 {
                start = buckets[index - 1].bound
            } else if bucket.bound > 0 {
                // A histogram of positive bounds is taken to hold no negative observations.
                start = 0
            }
            func interpolated(_ value: Double) -> Double {
                guard start.isFinite, bucket.bound.isFinite else { return rank }
                return rank + (bucket.count - rank) * (value - start) / (bucket.bound - start)
            }
            if lowerRank == nil, start >= lower { lowerRank = rank }
            if upperRank == nil, start >= upper { upperRank = rank }
            if lowerRank == nil, start < lower, bucket.bound > lower {
                lowerRank = interpolated(lower)
            }
            if upperRank == nil, start < upper, bucket.bound > upper {
                upperRank = interpolated(upper)
            }
            if lowerRank != nil, upperRank != nil { break }
            rank = bucket.count
        }
        return (min(upperRank ?? total, total) - min(lowerRank ?? total, total)) / total
    }

    /// Differences within a relative 1e-12 are rounding, not observations.
    private mutating func flattenRoundingErrors() {
        var previous = buckets[0].count
        for index in buckets.indices.dropFirst() {
            let count = buckets[index].count
            let difference = (count - previous).magnitude
            if difference == 0 { continue }
            if difference / count <= 1e-12 {
                buckets[index].count = previous
            } else {
                previous = count
            }
        }
    }

    private mutating func forceMonotonicity() -> Correction? {
        var correction: Correction?
        var most = buckets[0].count
        for index in buckets.indices.dropFirst() {
            let bucket = buckets[index]
            if bucket.count > most {
                most = bucket.count
            } else if bucket.count < most {
                let difference = most - bucket.count
                buckets[index].count = most
                correction = Correction(
                    bucketMin: min(correction?.bucketMin ?? bucket.bound, bucket.bound),
                    bucketMax: max(correction?.bucketMax ?? bucket.bound, bucket.bound),
                    differenceMax: max(correction?.differenceMax ?? difference, difference)
                )
            }
        }
        return correction
    }
}
