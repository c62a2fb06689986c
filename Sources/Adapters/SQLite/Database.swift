import Dispatch
import Glibc
import Synchronization

/// An SQLite file: one connection that everything in the process shares, one operation at a time.
///
/// WAL, `synchronous=FULL`: a transaction that has returned survives power loss. `read` and `write` block
/// the caller while SQLite works (an fsync may take tens of milliseconds); asynchronous code calls
/// `reading` and `writing`, which run on the database's own thread and leave the cooperative pool alone.
package final class Database: @unchecked Sendable {
    // Sendable: the connection is touched in init and then only while `lock` is held.

    /// How a database is opened.
    package struct Options: Hashable, Sendable {
        /// How long a statement waits for a lock of another process before `.locked`.
        package var busyTimeout: Duration
        /// Operations that may wait for the database's thread; one more is refused with `.overloaded`.
        package var waitingMax: Int
        /// Marks the file as this program's (`PRAGMA application_id`); 0 accepts any.
        package var applicationID: Int

        package init(
            busyTimeout: Duration = .seconds(5),
            waitingMax: Int = 10_000,
            applicationID: Int = 0
        ) {
            self.busyTimeout = busyTimeout
            self.waitingMax = waitingMax
            self.applicationID = applicationID
        }
    }

    /// The database file.
    package let path: String
    private let options: Options
    private let lock = Mutex(())
    private let connection: Connection
    private let thread: DispatchQueue
    private let waiting = Atomic<Int>(0)

    /// Opens or creates the file (mode 0600), and brings its schema to the newest version.
    ///
    /// - Parameters:
    ///   - path: The file; its folder exists.
    ///   - options: Timeouts, limits and the file's mark.
    ///   - migrations: Every step from version 1; each is applied in its own transaction, once.
    /// - Throws: `DatabaseError` saying what to do about the file.
    package init(path: String, options: Options = Options(), migrations: [Migration] = []) throws {
        precondition(
            migrations.map(\.version) == Array(1..<(migrations.count + 1)),
            "migrations are numbered 1, 2, 3 ... in order"
        )
        self.path = path
        self.options = options
        thread = DispatchQueue(label: "tocsin.database")
        try Database.createPrivate(path)
        connection = try Connection(path: path)
        let timeout =
            min(options.busyTimeout.components.seconds, 3600) * 1000
            + options.busyTimeout.components.attoseconds / 1_000_000_000_000_000
        connection.setBusyTimeout(milliseconds: Int32(timeout))
        try checkOwner()
        let journal = try connection.first("PRAGMA journal_mode=WAL") { row in
            try row.column(0, as: String.self)
        }
        guard journal == "wal" else {
            throw DatabaseError(
                .cannotOpen,
                path: path,
                detail: "no write-ahead log here (journal mode \(journal ?? "none")); "
                    + "network file systems have none"
            )
        }
        try connection.script(
            """
            PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;
            PRAGMA temp_store=MEMORY
            """
        )
        try migrate(migrations)
    }

    /// Lends the connection for reading: every statement inside sees the same snapshot.
    ///
    /// Blocks the caller. Never nest calls: the lock is not recursive.
    package func read<Value: Sendable>(
        _ body: (borrowing Connection) throws -> Value
    ) throws -> Value {
        try transaction("BEGIN DEFERRED", body)
    }

    /// Lends the connection inside a transaction: committed and on disk when this returns, undone
    /// entirely when it throws.
    ///
    /// Blocks the caller. Never nest calls: the lock is not recursive.
    package func write<Value: Sendable>(
        _ body: (borrowing Connection) throws -> Value
    ) throws -> Value {
        try transaction("BEGIN IMMEDIATE", body)
    }

    /// `read` on the database's thread.
    package func reading<Value: Sendable>(
        _ body: @escaping @Sendable (borrowing Connection) throws -> Value
    ) async throws -> Value {
        try await onThread { try self.read(body) }
    }

    /// `write` on the database's thread.
    package func writing<Value: Sendable>(
        _ body: @escaping @Sendable (borrowing Connection) throws -> Value
    ) async throws -> Value {
        try await onThread { try self.write(body) }
    }

    /// Copies the write-ahead log into the file and empties it; done at a clean stop.
    package func checkpoint() throws {
        try lock.withLock { _ in
            _ = try connection.first("PRAGMA wal_checkpoint(TRUNCATE)") { row in
                try row.column(0, as: Int.self)
            }
        }
    }

    /// The schema's version, `PRAGMA user_version`.
    package func schemaVersion() throws -> Int {
        try lock.withLock { _ in try pragma("user_version") }
    }

    private func onThread<Value: Sendable>(
        _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        guard waiting.wrappingAdd(1, ordering: .relaxed).newValue <= options.waitingMax else {
            waiting.wrappingSubtract(1, ordering: .relaxed)
            throw DatabaseError(
                .overloaded(limit: options.waitingMax),
                path: path,
                detail: "too many waiting"
            )
        }
        return try await withCheckedThrowingContinuation { continuation in
            thread.async {
                let result = Result { try body() }
                self.waiting.wrappingSubtract(1, ordering: .relaxed)
                continuation.resume(with: result)
            }
        }
    }

    private func transaction<Value: Sendable>(
        _ begin: String,
        _ body: (borrowing Connection) throws -> Value
    ) throws -> Value {
        try lock.withLock { _ in
            try connection.run(begin)
            do {
                let value = try body(connection)
                try connection.run("COMMIT")
                return value
            } catch {
                // SQLite has rolled back by itself after a full disk or a failed read; else it is done here.
                if connection.isInTransaction() { try connection.run("ROLLBACK") }
                throw error
            }
        }
    }

    private func pragma(_ name: String) throws -> Int {
        try connection.first("PRAGMA \(name)") { row in try row.column(0, as: Int.self) } ?? 0
    }

    private func checkOwner() throws {
        guard options.applicationID != 0 else { return }
        let found = try pragma("application_id")
        guard found != options.applicationID else { return }
        let isEmpty = try pragma("schema_version") == 0
        guard found == 0, isEmpty else {
            throw DatabaseError(
                .foreign(applicationID: found),
                path: path,
                detail: "application id \(found)"
            )
        }
        try connection.script("PRAGMA application_id=\(options.applicationID)")
    }

    private func migrate(_ migrations: [Migration]) throws {
        let found = try pragma("user_version")
        guard found <= migrations.count else {
            throw DatabaseError(
                .newerSchema(found: found, known: migrations.count),
                path: path,
                detail: "schema version \(found)"
            )
        }
        for migration in migrations.dropFirst(found) {
            try write { connection in
                try connection.script(migration.script)
                try connection.script("PRAGMA user_version=\(migration.version)")
            }
        }
    }

    /// Creates the file readable by its owner alone; SQLite gives its -wal and -shm files the same mode.
    private static func createPrivate(_ path: String) throws {
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor < 0 else {
            close(descriptor)
            return
        }
        let number = errno
        let reason: DatabaseError.Reason =
            switch number {
            case EACCES, EPERM: .permission
            case EROFS: .readOnly
            case ENOSPC, EDQUOT: .diskFull
            default: .cannotOpen
            }
        throw DatabaseError(reason, path: path, detail: unsafe String(cString: strerror(number)))
    }
}
