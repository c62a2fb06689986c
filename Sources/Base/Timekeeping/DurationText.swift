extension Duration {
    /// Reads Prometheus's duration text: `1d12h`, `5m`, `150ms`, `0`.
    ///
    /// Units are y, w, d, h, m, s, ms, once each and in that order; nil when the text is anything else
    /// or passes 292 years.
    package init?(prometheus text: String) {
        guard text != "0" else {
            self = .zero
            return
        }
        let units: [(name: String, milliseconds: Int64)] = [
            ("y", 31_536_000_000), ("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000),
            ("m", 60000), ("s", 1000), ("ms", 1),
        ]
        var rest = Substring(text)
        var next = 0
        var total: Int64 = 0
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            let name = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest.dropFirst(name.count)
            guard let count = Int64(digits),
                let index = units.firstIndex(where: { $0.name == name }), index >= next
            else { return nil }
            next = index + 1
            let (part, overflow) = count.multipliedReportingOverflow(by: units[index].milliseconds)
            let (sum, carried) = total.addingReportingOverflow(part)
            guard !overflow, !carried, sum <= Int64.max / 1_000_000 else { return nil }
            total = sum
        }
        self = .milliseconds(total)
    }

    /// Prometheus's duration text: the largest units that divide exactly, `0s` for zero.
    package var prometheusText: String {
        var rest = milliseconds.magnitude
        guard rest > 0 else { return "0s" }
        var text = milliseconds < 0 ? "-" : ""
        // Years, weeks and days only when nothing smaller is left, as Prometheus prints them.
        for (name, width, exact) in [
            ("y", 31_536_000_000 as UInt64, true), ("w", 604_800_000, true),
            ("d", 86_400_000, false), ("h", 3_600_000, false), ("m", 60000, false),
            ("s", 1000, false), ("ms", 1, false),
        ] {
            guard !exact || rest % width == 0 else { continue }
            let count = rest / width
            guard count > 0 else { continue }
            text += "\(count)\(name)"
            rest -= count * width
        }
        return text
    }
}
