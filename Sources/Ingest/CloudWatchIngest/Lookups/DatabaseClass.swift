/// What is known of an RDS instance class without asking AWS.
package enum DatabaseClass {
    /// Memory of one Aurora capacity unit, bytes.
    package static let bytesPerCapacityUnit = 2.0 * 1_073_741_824
    /// Connections at most where a Serverless v2 cluster may shrink to half a unit or less.
    package static let smallMinimumConnectionsMax = 2000.0

    /// The class's memory in GiB by its size, for the families of Aurora and RDS: memory doubles with the size.
    ///
    /// - Parameter name: `db.r6g.large`.
    /// - Returns: Nil for a class that is not in the table.
    package static func memoryBytes(of name: String) -> Double? {
        let parts = name.split(separator: ".")
        guard parts.count == 3, parts[0] == "db" else { return nil }
        let large: Double
        switch parts[1] {
        case "t2", "t3", "t4g", "m3", "m4", "m5", "m5d", "m6g", "m6gd", "m6i", "m6id", "m7g", "m7i",
            "m8g":
            large = 8
        case "r4": large = 15.25
        case "r5", "r5b", "r5d", "r6g", "r6gd", "r6i", "r6id", "r7g", "r7i", "r8g": large = 16
        case "x2g": large = 32
        default: return nil
        }
        let factor: Double
        switch parts[2] {
        case "micro": factor = 0.125
        case "small": factor = 0.25
        case "medium": factor = 0.5
        case "large": factor = 1
        case "xlarge": factor = 2
        case "metal": return nil
        default:
            guard parts[2].hasSuffix("xlarge"), let times = Double(parts[2].dropLast(6)),
                (1...48).contains(times)
            else { return nil }
            factor = times * 2
        }
        return large * factor * 1_073_741_824
    }

    /// `DBInstanceClassMemory`: the class's memory less what RDS keeps for itself, by estimate.
    ///
    /// Fitted to the connections that AWS documents for Serverless v2: 189 for one unit, 3360 for 16.
    package static func availableMemory(ofBytes bytes: Double) -> Double {
        max(bytes / 2, bytes * 0.9385 - 0.22e9).rounded(.towardZero)
    }

    /// The formula that an engine's default parameter group has; nil for engines that are not known.
    package static func defaultFormula(engine: String) -> String? {
        switch engine {
        case "aurora-postgresql", "postgres": "LEAST({DBInstanceClassMemory/9531392},5000)"
        case "aurora-mysql":
            "GREATEST({log(DBInstanceClassMemory/805306368)*45},{log(DBInstanceClassMemory/8187281408)*1000})"
        case "mysql", "mariadb": "{DBInstanceClassMemory/12582880}"
        default: nil
        }
    }
}
