/// What the calls of a month were and cost, in all and by metric and rule.
package struct MonthSpend: Hashable, Sendable {
    /// What a row of spend is about.
    package enum Subject: String, Hashable, Sendable, CaseIterable {
        /// A call: its name, with requests and billed units.
        case operation
        /// `AWS/RDS CPUUtilization Average`, over all resources.
        case metric
        /// `db/DBCPU`; a query that several rules need is split evenly between them.
        case rule
    }

    /// One subject and its sums.
    package struct Row: Hashable, Sendable {
        package var subject: Subject
        package var name: String
        package var requests: Int
        /// Metrics for GetMetricData, requests for all others.
        package var units: Int
        /// US dollars at the prices of the time.
        package var dollars: Double

        package init(
            subject: Subject,
            name: String,
            requests: Int = 0,
            units: Int = 0,
            dollars: Double = 0
        ) {
            self.subject = subject
            self.name = name
            self.requests = requests
            self.units = units
            self.dollars = dollars
        }
    }

    private struct Key: Hashable {
        var subject: Subject
        var name: String
    }

    private var byKey: [Key: Row] = [:]

    package init(_ rows: some Sequence<Row> = []) {
        for row in rows { add(row) }
    }

    package mutating func add(_ row: Row) {
        let key = Key(subject: row.subject, name: row.name)
        var sum = byKey[key] ?? Row(subject: row.subject, name: row.name)
        sum.requests += row.requests
        sum.units += row.units
        sum.dollars += row.dollars
        byKey[key] = sum
    }

    /// Every row, in a stable order.
    package var rows: [Row] {
        byKey.values.sorted { ($0.subject.rawValue, $0.name) < ($1.subject.rawValue, $1.name) }
    }

    package var isEmpty: Bool { byKey.isEmpty }

    package subscript(subject: Subject, name: String) -> Row {
        byKey[Key(subject: subject, name: name)] ?? Row(subject: subject, name: name)
    }

    package subscript(operation: CloudWatchOperation) -> Row {
        self[.operation, operation.rawValue]
    }

    /// US dollars of all calls.
    package var dollars: Double {
        CloudWatchOperation.allCases.reduce(0) { $0 + self[$1].dollars }
    }

    /// Requests that count against the free ones.
    package var billedRequests: Int {
        CloudWatchOperation.allCases.filter { $0.billing == .requests }
            .reduce(0) { $0 + self[$1].units }
    }
}

/// Keeps what was spent over a restart.
package protocol SpendStoring: Sendable {
    /// The rows of an account's month; empty when there are none.
    func loadSpend(account: String, month: String) throws -> [MonthSpend.Row]
    /// Adds to the rows of an account's month, and forgets the months before `oldest`, of all accounts.
    func addSpend(
        _ rows: [MonthSpend.Row],
        account: String,
        month: String,
        forgettingBefore oldest: String
    ) throws
}
