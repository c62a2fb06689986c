package import Model

/// How a CloudWatch metric is called as a series.
///
/// Names are those of yet-another-cloudwatch-exporter (`BuildMetricName` of its `promutil`), labels too, save
/// its `name` label, which needs the resource's ARN. Where a capital follows a digit that exporter splits
/// (`httpcode_target_5_xx_count`); the plain spelling (`httpcode_target_5xx_count`) is known as well, and a
/// series is stored under the spelling that a rule asks for.
package enum SeriesNaming {
    /// Where words of a name are parted.
    package enum Spelling: Sendable, CaseIterable {
        /// As yet-another-cloudwatch-exporter: before a capital that follows a small letter or a digit.
        case exporter
        /// Before a capital that follows a small letter.
        case plain
    }

    /// The start of a namespace's series names with the final `_`: `aws_rds_`.
    package static func prefix(ofNamespace namespace: String) -> String {
        let name = namespaceName(namespace)
        return (name.hasPrefix("aws") ? "" : "aws_") + name + "_"
    }

    /// A metric's series name without the statistic: `aws_rds_database_connections`.
    package static func stem(
        namespace: String,
        metric: String,
        _ spelling: Spelling = .exporter
    ) -> String {
        let space = namespaceName(namespace)
        var name = snake(metric, spelling)
        for part in space.split(separator: "_") where name.hasPrefix(part) {
            name.removeFirst(part.count)
        }
        if name.hasPrefix("_") { name.removeFirst() }
        return prefix(ofNamespace: namespace) + name
    }

    /// Both spellings of a metric's stem; one when they agree.
    package static func stems(namespace: String, metric: String) -> [String] {
        let exporter = stem(namespace: namespace, metric: metric, .exporter)
        let plain = stem(namespace: namespace, metric: metric, .plain)
        return exporter == plain ? [exporter] : [exporter, plain]
    }

    /// The labels of a metric's series, name excluded.
    package static func labels(
        _ metric: CloudWatchMetric,
        region: String,
        accountID: String?
    ) -> LabelSet {
        var labels = metric.dimensions.map {
            Label(dimensionPrefix + sanitized($0.name), $0.value)
        }
        labels.append(Label("region", region))
        if let accountID { labels.append(Label("account_id", accountID)) }
        return LabelSet(labels)
    }

    /// What a dimension's label begins with.
    package static let dimensionPrefix = "dimension_"

    private static func namespaceName(_ namespace: String) -> String {
        let name = snake(namespace.lowercased(), .exporter)
        return name.hasPrefix("_") ? String(name.dropFirst()) : name
    }

    private static func isSeparator(_ character: Character) -> Bool {
        " ,\t/\\.-:=@<>()\u{201c}".contains(character)
    }

    private static func snake(_ text: String, _ spelling: Spelling) -> String {
        var result = ""
        var previous: Character?
        for character in text {
            if isSeparator(character) {
                result.append("_")
            } else if character == "%" {
                result += "_percent"
            } else {
                let startsWord =
                    character.isUppercase
                    && (previous?.isLowercase == true
                        || (spelling == .exporter && previous?.isNumber == true))
                if startsWord { result.append("_") }
                result += character.lowercased()
            }
            previous = character
        }
        return result
    }

    /// A dimension's name as part of a label name: its own letters, anything else as `_`.
    private static func sanitized(_ name: String) -> String {
        var result = ""
        for character in name {
            if character == "%" {
                result += "_percent"
            } else {
                let isPlain = character.isASCII && (character.isLetter || character.isNumber)
                result.append(isPlain || character == "_" ? character : "_")
            }
        }
        return result
    }
}
