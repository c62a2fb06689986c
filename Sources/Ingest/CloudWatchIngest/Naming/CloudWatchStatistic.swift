/// A statistic of a metric over a period, as CloudWatch spells it and as a series name ends.
///
/// | CloudWatch | series name ends in | |
/// |---|---|---|
/// | `Average` `Sum` `Minimum` `Maximum` `SampleCount` `IQM` | `average` ... `sample_count` `iqm` | |
/// | `p99` `p99.9` `tm90` `wm98` `tc99` `ts95` | `p99` `p99_9` `tm90` ... | percentile, trimmed and winsorized |
/// | `PR(:0.5)` | `pr_le_0_5` | percent of samples at or under 0.5 |
/// | `PR(0.5:)` | `pr_gt_0_5` | percent of samples over 0.5 |
/// | `TM(10%:90%)` | `tm_gt_10_percent_le_90_percent` | the lower bound is exclusive, the upper inclusive |
package enum CloudWatchStatistic: Hashable, Sendable {
    package enum Plain: String, Hashable, Sendable, CaseIterable {
        case average = "Average"
        case sum = "Sum"
        case minimum = "Minimum"
        case maximum = "Maximum"
        case sampleCount = "SampleCount"
        case interquartileMean = "IQM"

        /// The end of a series name.
        var suffix: String {
            switch self {
            case .average: "average"
            case .sum: "sum"
            case .minimum: "minimum"
            case .maximum: "maximum"
            case .sampleCount: "sample_count"
            case .interquartileMean: "iqm"
            }
        }
    }

    /// What is computed of the samples up to a percentile or within bounds.
    package enum Family: String, Hashable, Sendable, CaseIterable {
        /// The value at a percentile; never with bounds.
        case percentile = "p"
        case trimmedMean = "tm"
        case winsorizedMean = "wm"
        case trimmedCount = "tc"
        case trimmedSum = "ts"
        /// The percentage of samples within bounds; always with bounds.
        case percentileRank = "pr"
    }

    /// A bound as it was written, so that it can be written back: digits and at most one point.
    package struct Bound: Hashable, Sendable {
        package var text: String
        package var isPercent: Bool

        package init(_ text: String, isPercent: Bool) {
            self.text = text
            self.isPercent = isPercent
        }

        /// The number; `text` is always a plain decimal.
        package var value: Double { Double(text) ?? 0 }
    }

    case plain(Plain)
    /// `p99.9`: the family and the percentile as it was written.
    case upTo(Family, String)
    /// `TM(10%:90%)`; at least one bound is there.
    case between(Family, over: Bound?, upTo: Bound?)

    // MARK: CloudWatch's spelling

    /// Reads CloudWatch's own spelling (`p99`, `TM(10%:90%)`); nil when it is none.
    package init?(cloudWatch text: String) {
        if let plain = Plain(rawValue: text) {
            self = .plain(plain)
            return
        }
        let letters = text.prefix { $0.isASCII && $0.isLetter }
        let rest = text.dropFirst(letters.count)
        guard let family = Family(rawValue: letters.lowercased()) else { return nil }
        if rest.first == "(", rest.last == ")", letters == letters.uppercased() {
            let bounds = rest.dropFirst().dropLast()
                .split(separator: ":", omittingEmptySubsequences: false)
            guard bounds.count == 2, family != .percentile,
                let over = Self.bound(bounds[0]), let upTo = Self.bound(bounds[1])
            else { return nil }
            self.init(family, over: over, upTo: upTo)
        } else {
            guard family != .percentileRank, letters == letters.lowercased(),
                Self.isPercentile(rest)
            else { return nil }
            self = .upTo(family, String(rest))
        }
    }

    /// As CloudWatch spells it.
    package var cloudWatch: String {
        switch self {
        case .plain(let plain): plain.rawValue
        case .upTo(let family, let percentile): family.rawValue + percentile
        case .between(let family, let over, let upTo):
            "\(family.rawValue.uppercased())(\(over?.cloudWatch ?? ""):\(upTo?.cloudWatch ?? ""))"
        }
    }

    // MARK: The end of a series name

    /// Reads the end of a series name (`p99`, `pr_le_0_5`); nil when it is none.
    package init?(suffix: some StringProtocol) {
        let text = String(suffix)
        if let plain = Plain.allCases.first(where: { $0.suffix == text }) {
            self = .plain(plain)
            return
        }
        let words = text.split(separator: "_", omittingEmptySubsequences: false)[...]
        guard let head = words.first else { return nil }
        if let family = Family(rawValue: String(head)), words.count > 1 {
            guard family != .percentile else { return nil }
            var rest = words.dropFirst()
            let over = Self.bound(after: "gt", &rest)
            let upTo = Self.bound(after: "le", &rest)
            guard rest.isEmpty else { return nil }
            self.init(family, over: over, upTo: upTo)
        } else {
            let letters = head.prefix { $0.isASCII && $0.isLetter }
            let number = ([head.dropFirst(letters.count)] + words.dropFirst())
                .joined(separator: ".")
            guard let family = Family(rawValue: String(letters)), family != .percentileRank,
                words.count <= 2, Self.isPercentile(number[...])
            else { return nil }
            self = .upTo(family, number)
        }
    }

    /// The end of a series name, without the `_` before it.
    package var suffix: String {
        switch self {
        case .plain(let plain): return plain.suffix
        case .upTo(let family, let percentile):
            return family.rawValue + percentile.replacing(".", with: "_")
        case .between(let family, let over, let upTo):
            var text = family.rawValue
            if let over { text += "_gt_" + over.suffix }
            if let upTo { text += "_le_" + upTo.suffix }
            return text
        }
    }

    // MARK: Parts

    private init?(_ family: Family, over: Bound?, upTo: Bound?) {
        // A percentage of samples within percentages says nothing; CloudWatch refuses it too.
        let hasPercent = over?.isPercent == true || upTo?.isPercent == true
        guard over != nil || upTo != nil, !(family == .percentileRank && hasPercent),
            over.map(\.isPercent) == nil || upTo.map(\.isPercent) == nil
                || over?.isPercent == upTo?.isPercent
        else { return nil }
        if let over, let upTo, over.value >= upTo.value { return nil }
        self = .between(family, over: over, upTo: upTo)
    }

    /// Reads ``, `0.5` or `10%`; the outer optional is nil for anything else.
    private static func bound(_ text: Substring) -> Bound?? {
        guard !text.isEmpty else { return .some(nil) }
        let isPercent = text.hasSuffix("%")
        let number = isPercent ? text.dropLast() : text
        guard isDecimal(number), !isPercent || isPercentile(number) else { return nil }
        return Bound(String(number), isPercent: isPercent)
    }

    /// Takes `gt 0 5 percent` from the front of `words`.
    private static func bound(after word: Substring, _ words: inout ArraySlice<Substring>) -> Bound?
    {
        guard words.first == word else { return nil }
        var rest = words.dropFirst()
        let digits = rest.prefix { !$0.isEmpty && $0.allSatisfy(\.isASCIIDigit) }.prefix(2)
        guard !digits.isEmpty else { return nil }
        rest = rest.dropFirst(digits.count)
        let isPercent = rest.first == "percent"
        words = isPercent ? rest.dropFirst() : rest
        return Bound(digits.joined(separator: "."), isPercent: isPercent)
    }

    private static func isDecimal(_ text: Substring) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count <= 2 && parts.allSatisfy { !$0.isEmpty && $0.allSatisfy(\.isASCIIDigit) }
    }

    private static func isPercentile(_ text: Substring) -> Bool {
        guard isDecimal(text), let value = Double(text) else { return false }
        return value <= 100
    }
}

extension CloudWatchStatistic.Bound {
    fileprivate var cloudWatch: String { isPercent ? text + "%" : text }

    fileprivate var suffix: String {
        text.replacing(".", with: "_") + (isPercent ? "_percent" : "")
    }
}

extension Character {
    fileprivate var isASCIIDigit: Bool { isASCII && isNumber }
}
