/// Quantiles of plain values.
enum Quantile {
    /// The value below which a share `q` of `values` lies, interpolated between neighbours.
    ///
    /// NaN counts as smaller than any number. An empty list or a NaN `q` give NaN; outside [0, 1] the answer is
    /// -Inf or +Inf. Sorts `values`.
    static func of(_ values: inout [Double], _ q: Double) -> Double {
        guard !values.isEmpty, !q.isNaN else { return .nan }
        if q < 0 { return -.infinity }
        if q > 1 { return .infinity }
        values.sort { $0 < $1 || ($0.isNaN && !$1.isNaN) }
        let n = Double(values.count)
        let rank = q * (n - 1)
        let lower = max(0, rank.rounded(.down))
        let upper = min(n - 1, lower + 1)
        let weight = rank - rank.rounded(.down)
        return values[Int(lower)] * (1 - weight) + values[Int(upper)] * weight
    }
}
