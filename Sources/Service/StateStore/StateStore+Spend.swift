package import CloudWatchIngest
import SQLite

extension StateStore {
    /// What calls to AWS cost, by calendar month and account.
    static let spendSchema = """
        CREATE TABLE cloud_spend (
            month TEXT NOT NULL,
            account TEXT NOT NULL,
            subject TEXT NOT NULL,
            name TEXT NOT NULL,
            requests INTEGER NOT NULL,
            units INTEGER NOT NULL,
            usd REAL NOT NULL,
            PRIMARY KEY (month, account, subject, name)
        ) STRICT, WITHOUT ROWID;
        """
}

extension StateStore: SpendStoring {
    package func loadSpend(account: String, month: String) throws -> [MonthSpend.Row] {
        try database.read { connection in
            try connection.rows(
                """
                SELECT subject, name, requests, units, usd FROM cloud_spend
                WHERE month = ? AND account = ?
                """,
                month,
                account
            ) { row in
                // A subject that a later version added is not this one's to sum.
                guard let subject = MonthSpend.Subject(rawValue: try row.column(0)) else {
                    return MonthSpend.Row?.none
                }
                return MonthSpend.Row(
                    subject: subject,
                    name: try row.column(1),
                    requests: try row.column(2),
                    units: try row.column(3),
                    dollars: try row.column(4)
                )
            }.compactMap(\.self)
        }
    }

    package func addSpend(
        _ rows: [MonthSpend.Row],
        account: String,
        month: String,
        forgettingBefore oldest: String
    ) throws {
        try database.write { connection in
            for row in rows {
                try connection.run(
                    """
                    INSERT INTO cloud_spend VALUES (?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (month, account, subject, name) DO UPDATE SET
                        requests = requests + excluded.requests,
                        units = units + excluded.units,
                        usd = usd + excluded.usd
                    """,
                    month,
                    account,
                    row.subject.rawValue,
                    row.name,
                    row.requests,
                    row.units,
                    row.dollars
                )
            }
            try connection.run("DELETE FROM cloud_spend WHERE month < ?", oldest)
        }
    }
}
