package import Model

/// How a plain Prometheus alert, which knows no levels, maps to a level and a priority.
package enum AlertSeverity {
    private static let warnings: Set<String> = [
        "warn", "warning", "info", "information", "informational", "notice", "minor", "low", "none",
        "ticket", "p3", "p4",
    ]

    /// `warn` when the `severity` label says so (or `priority` is P3 or P4); `crit` otherwise.
    package static func level(of labels: LabelSet) -> AlertLevel {
        if let priority = Priority(name: labels["priority"].uppercased()) {
            return priority <= .p2 ? .crit : .warn
        }
        return warnings.contains(labels["severity"].lowercased()) ? .warn : .crit
    }

    /// The `priority` label, else `severity` when it names a priority, else P2 for crit and P3 or P4 for warn.
    package static func priority(of labels: LabelSet) -> Priority {
        let severity = labels["severity"]
        if let named = Priority(name: labels["priority"].uppercased())
            ?? Priority(name: severity.uppercased())
        {
            return named
        }
        guard level(of: labels) == .warn else { return .p2 }
        return ["info", "information", "informational", "notice", "none", "low"]
            .contains(severity.lowercased()) ? .p4 : .p3
    }
}
