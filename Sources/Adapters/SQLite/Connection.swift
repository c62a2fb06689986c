import CSQLite

/// One open SQLite connection; lent to closures by `Database`, which holds the lock meanwhile.
@safe
package struct Connection: ~Copyable {
    // Opened in init, closed in deinit; no copy of it leaves this struct.
    private let handle: OpaquePointer
    private let path: String
    private let cache = StatementCache()

    init(path: String) throws(DatabaseError) {
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
        let code = unsafe sqlite3_open_v2(path, &opened, flags, nil)
        guard let opened = unsafe opened else {
            throw DatabaseError(.other, path: path, detail: "out of memory")
        }
        guard code == SQLITE_OK else {
            let error = DatabaseError(
                DatabaseError.reason(code: code),
                path: path,
                detail: unsafe String(cString: sqlite3_errmsg(opened)),
                code: unsafe Int(sqlite3_extended_errcode(opened))
            )
            _ = unsafe sqlite3_close_v2(opened)
            throw error
        }
        unsafe handle = opened
        self.path = path
        _ = unsafe sqlite3_extended_result_codes(opened, 1)
    }

    deinit {
        cache.close()
        _ = unsafe sqlite3_close_v2(handle)
    }

    borrowing func setBusyTimeout(milliseconds: Int32) {
        _ = unsafe sqlite3_busy_timeout(handle, milliseconds)
    }

    /// True between BEGIN and COMMIT or ROLLBACK.
    borrowing func isInTransaction() -> Bool { unsafe sqlite3_get_autocommit(handle) == 0 }

    /// Runs one statement with its parameters and returns how many rows it changed.
    @discardableResult
    package borrowing func run(
        _ sql: String,
        _ values: any ColumnValue...
    ) throws(DatabaseError) -> Int {
        let statement = try prepare(sql)
        try statement.bindAll(values)
        while try statement.step() {}
        return unsafe Int(sqlite3_changes(handle))
    }

    /// Every row of a query, each turned into a value by `read`, which counts columns from 0.
    package borrowing func rows<Value>(
        _ sql: String,
        _ values: any ColumnValue...,
        read: (borrowing Statement) throws -> Value
    ) throws -> [Value] {
        let statement = try prepare(sql)
        try statement.bindAll(values)
        var found: [Value] = []
        while try statement.step() { found.append(try read(statement)) }
        return found
    }

    /// The first row of a query; nil when there is none.
    package borrowing func first<Value>(
        _ sql: String,
        _ values: any ColumnValue...,
        read: (borrowing Statement) throws -> Value
    ) throws -> Value? {
        let statement = try prepare(sql)
        try statement.bindAll(values)
        return try statement.step() ? try read(statement) : nil
    }

    /// Lends a prepared statement, for binding and stepping in a loop.
    package borrowing func withStatement<Value>(
        _ sql: String,
        _ body: (borrowing Statement) throws -> Value
    ) throws -> Value {
        try body(try prepare(sql))
    }

    /// The row id of the newest INSERT of this connection.
    package borrowing func lastInsertedRow() -> Int64 {
        unsafe sqlite3_last_insert_rowid(handle)
    }

    /// Runs a script of statements without parameters.
    package borrowing func script(_ sql: String) throws(DatabaseError) {
        let code = unsafe sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw failure(code, sql) }
    }

    private borrowing func prepare(_ sql: String) throws(DatabaseError) -> Statement {
        if let known = unsafe cache.take(sql) {
            return unsafe Statement(known, sql: sql, path: path, cache: cache)
        }
        var prepared: OpaquePointer?
        var code = SQLITE_OK
        var isWhole = true
        unsafe sql.withCString { text in
            var tail: UnsafePointer<CChar>?
            code = unsafe sqlite3_prepare_v3(
                handle,
                text,
                -1,
                UInt32(SQLITE_PREPARE_PERSISTENT),
                &prepared,
                &tail
            )
            isWhole = unsafe tail.map { unsafe $0.pointee == 0 } ?? true
        }
        guard code == SQLITE_OK else { throw failure(code, sql) }
        guard let prepared = unsafe prepared, isWhole else {
            _ = unsafe sqlite3_finalize(prepared)
            throw DatabaseError(
                .other,
                path: path,
                detail: "one statement at a time; use script for more",
                statement: sql
            )
        }
        return unsafe Statement(prepared, sql: sql, path: path, cache: cache)
    }

    private borrowing func failure(_ code: Int32, _ sql: String) -> DatabaseError {
        DatabaseError(
            DatabaseError.reason(code: code),
            path: path,
            detail: unsafe String(cString: sqlite3_errmsg(handle)),
            code: unsafe Int(sqlite3_extended_errcode(handle)),
            statement: sql
        )
    }
}
