package import DeployIngest
import SQLite
import Timekeeping

extension StateStore {
    /// Releases as they were reported, and how many ended, which outlives them.
    static let deploySchema = """
        CREATE TABLE deploys (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            service TEXT NOT NULL,
            environment TEXT NOT NULL,
            id TEXT NOT NULL,
            outcome TEXT NOT NULL,
            at INTEGER NOT NULL,
            started_at INTEGER,
            revision TEXT NOT NULL,
            url TEXT NOT NULL,
            message TEXT NOT NULL,
            UNIQUE (service, environment, id)
        ) STRICT;
        CREATE INDEX deploys_by_time ON deploys (at);
        CREATE INDEX deploys_of_pair ON deploys (service, environment, at);

        CREATE TABLE deploy_counts (
            service TEXT NOT NULL,
            environment TEXT NOT NULL,
            succeeded INTEGER NOT NULL DEFAULT 0,
            failed INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (service, environment)
        ) STRICT, WITHOUT ROWID;
        """

    private static let deployColumns =
        "id, service, environment, outcome, at, started_at, revision, url, message"

    private static func deploy(_ row: borrowing Statement) throws -> Deploy {
        var deploy = Deploy(
            id: try row.column(0),
            service: try row.column(1),
            environment: try row.column(2),
            outcome: Deploy.Outcome(rawValue: try row.column(3)) ?? .running,
            at: Timestamp(milliseconds: try row.column(4)),
            startedAt: (try row.column(5) as Int64?).map { Timestamp(milliseconds: $0) }
        )
        deploy.revision = try row.column(6)
        deploy.url = try row.column(7)
        deploy.message = try row.column(8)
        return deploy
    }
}

extension StateStore: DeployStoring {
    package func record(_ report: Deploy, kept: Int, standingsMax: Int) throws -> Bool {
        try database.write { connection in
            let before = try connection.first(
                """
                SELECT \(StateStore.deployColumns) FROM deploys
                WHERE service = ? AND environment = ? AND id = ?
                """,
                report.service,
                report.environment,
                report.id,
                read: StateStore.deploy
            )
            guard let deploy = before == nil ? report : before?.followed(by: report) else {
                return false
            }
            try StateStore.count(deploy, before: before, standingsMax: standingsMax, connection)
            try connection.run(
                """
                INSERT INTO deploys (\(StateStore.deployColumns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (service, environment, id) DO UPDATE SET
                    outcome = excluded.outcome, at = excluded.at,
                    started_at = excluded.started_at, revision = excluded.revision,
                    url = excluded.url, message = excluded.message
                """,
                deploy.id,
                deploy.service,
                deploy.environment,
                deploy.outcome.rawValue,
                deploy.at.milliseconds,
                deploy.startedAt?.milliseconds,
                deploy.revision,
                deploy.url,
                deploy.message
            )
            try connection.run(
                """
                DELETE FROM deploys WHERE number IN
                    (SELECT number FROM deploys ORDER BY at DESC, number DESC LIMIT -1 OFFSET ?)
                """,
                kept
            )
            try connection.run(
                """
                DELETE FROM deploy_counts WHERE NOT EXISTS (SELECT 1 FROM deploys
                    WHERE deploys.service = deploy_counts.service
                        AND deploys.environment = deploy_counts.environment)
                """
            )
            return true
        }
    }

    private static func count(
        _ deploy: Deploy,
        before: Deploy?,
        standingsMax: Int,
        _ connection: borrowing Connection
    ) throws {
        let added = try connection.run(
            "INSERT INTO deploy_counts (service, environment) VALUES (?, ?) ON CONFLICT DO NOTHING",
            deploy.service,
            deploy.environment
        )
        if added > 0 {
            let pairs: Int? = try connection.first("SELECT COUNT(*) FROM deploy_counts") {
                try $0.column(0)
            }
            // Thrown inside the transaction: nothing of it stays.
            guard (pairs ?? 0) <= standingsMax else {
                throw DeployLimit(standingsMax: standingsMax)
            }
        }
        guard deploy.outcome != .running, deploy.outcome != before?.outcome else { return }
        let column = deploy.outcome == .succeeded ? "succeeded" : "failed"
        try connection.run(
            """
            UPDATE deploy_counts SET \(column) = \(column) + 1
            WHERE service = ? AND environment = ?
            """,
            deploy.service,
            deploy.environment
        )
    }

    package func deploys(service: String?, environment: String?, limit: Int) throws -> [Deploy] {
        try database.read { connection in
            try connection.rows(
                """
                SELECT \(StateStore.deployColumns) FROM deploys
                WHERE (?1 IS NULL OR service = ?1) AND (?2 IS NULL OR environment = ?2)
                ORDER BY at DESC, number DESC LIMIT ?3
                """,
                service,
                environment,
                limit,
                read: StateStore.deploy
            )
        }
    }

    package func standings() throws -> [DeployStanding] {
        try database.read { connection in
            try connection.rows(
                """
                WITH ended AS (
                    SELECT service, environment, MAX(at) AS at,
                        MAX(CASE outcome WHEN 'succeeded' THEN at END) AS succeeded_at
                    FROM deploys WHERE outcome <> 'running' GROUP BY service, environment
                )
                SELECT counts.service, counts.environment, counts.succeeded, counts.failed,
                    ended.at,
                    (SELECT COUNT(*) FROM deploys WHERE deploys.service = counts.service
                        AND deploys.environment = counts.environment AND outcome = 'failed'
                        AND (succeeded_at IS NULL OR deploys.at > succeeded_at)),
                    (SELECT MIN(deploys.at) FROM deploys WHERE deploys.service = counts.service
                        AND deploys.environment = counts.environment AND outcome = 'running'
                        AND (ended.at IS NULL OR deploys.at > ended.at))
                FROM deploy_counts AS counts LEFT JOIN ended USING (service, environment)
                ORDER BY counts.service, counts.environment
                """
            ) { row in
                var standing = DeployStanding(
                    service: try row.column(0),
                    environment: try row.column(1)
                )
                standing.succeeded = try row.column(2)
                standing.failed = try row.column(3)
                standing.lastFinishedAt = (try row.column(4) as Int64?)
                    .map { Timestamp(milliseconds: $0) }
                standing.consecutiveFailures = try row.column(5)
                standing.runningSince = (try row.column(6) as Int64?)
                    .map { Timestamp(milliseconds: $0) }
                return standing
            }
        }
    }
}
