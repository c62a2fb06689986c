import CSQLite

/// A prepared statement; its owner finalizes it or hands it back to the connection's cache.
///
/// Used only inside the closures of `Connection`, under the database's lock.
@safe
package struct Statement: ~Copyable {
    // The handle is valid until deinit: the cache, its other owner, does not hold it meanwhile.
    private let handle: OpaquePointer
    private let path: String
    private let sql: String
    private let cache: StatementCache

    init(_ handle: OpaquePointer, sql: String, path: String, cache: StatementCache) {
        unsafe self.handle = handle
        self.sql = sql
        self.path = path
        self.cache = cache
    }

    deinit {
        unsafe cache.giveBack(handle, sql: sql)
    }

    /// Sets parameter `index` (from 1, as SQLite counts).
    package borrowing func bind(_ index: Int, _ value: some ColumnValue) throws(DatabaseError) {
        try bind(index, stored: value.stored)
    }

    /// Sets every parameter, in order.
    package borrowing func bindAll(_ values: [any ColumnValue]) throws(DatabaseError) {
        let expected = unsafe Int(sqlite3_bind_parameter_count(handle))
        guard values.count == expected else {
            throw DatabaseError(
                .other,
                path: path,
                detail: "the statement has \(expected) parameters and was given \(values.count)",
                statement: sql
            )
        }
        for (offset, value) in values.enumerated() { try bind(offset + 1, stored: value.stored) }
    }

    private borrowing func bind(_ index: Int, stored: StoredValue) throws(DatabaseError) {
        let position = Int32(index)
        // SQLite copies the bytes before the call returns (SQLITE_TRANSIENT).
        let copied = unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        let code: Int32
        switch stored {
        case .null: code = unsafe sqlite3_bind_null(handle, position)
        case .integer(let value): code = unsafe sqlite3_bind_int64(handle, position, value)
        case .real(let value): code = unsafe sqlite3_bind_double(handle, position, value)
        case .text(var value):
            code = value.withUTF8 { bytes in
                unsafe bytes.withMemoryRebound(to: CChar.self) { text in
                    // A nil address would bind NULL.
                    guard let address = text.baseAddress else {
                        return unsafe sqlite3_bind_text(handle, position, "", 0, copied)
                    }
                    return unsafe sqlite3_bind_text64(
                        handle,
                        position,
                        address,
                        UInt64(text.count),
                        copied,
                        UInt8(SQLITE_UTF8)
                    )
                }
            }
        case .blob(let value):
            code =
                value.isEmpty
                ? unsafe sqlite3_bind_zeroblob(handle, position, 0)
                : unsafe value.withUnsafeBytes { bytes in
                    unsafe sqlite3_bind_blob64(
                        handle,
                        position,
                        bytes.baseAddress,
                        UInt64(bytes.count),
                        copied
                    )
                }
        }
        guard code == SQLITE_OK else { throw failure(code) }
    }

    /// Runs to the next row; false when there is none.
    package borrowing func step() throws(DatabaseError) -> Bool {
        let code = unsafe sqlite3_step(handle)
        switch code {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw failure(code)
        }
    }

    /// Makes the statement ready to run again; bound values stay.
    package borrowing func reset() {
        // The code repeats the failure of the last step, which was thrown there.
        _ = unsafe sqlite3_reset(handle)
    }

    /// Column `column` (from 0) of the current row.
    ///
    /// - Throws: `DatabaseError` with `.columnType` when it holds another type.
    package borrowing func column<Value: ColumnValue>(
        _ column: Int,
        as type: Value.Type = Value.self
    ) throws(DatabaseError) -> Value {
        let stored = storedValue(column)
        guard let value = Value(stored: stored) else {
            let name =
                unsafe sqlite3_column_name(handle, Int32(column)).map { unsafe String(cString: $0) }
                ?? "\(column)"
            throw DatabaseError(
                .columnType,
                path: path,
                detail: "column \(name) holds \(stored.typeName), which is no \(Value.self)",
                statement: sql
            )
        }
        return value
    }

    private borrowing func storedValue(_ column: Int) -> StoredValue {
        let column = Int32(column)
        switch unsafe sqlite3_column_type(handle, column) {
        case SQLITE_INTEGER: return .integer(unsafe sqlite3_column_int64(handle, column))
        case SQLITE_FLOAT: return .real(unsafe sqlite3_column_double(handle, column))
        case SQLITE_TEXT:
            // The text comes first: asking for it may change the byte count.
            let text = unsafe sqlite3_column_text(handle, column)
            let count = unsafe Int(sqlite3_column_bytes(handle, column))
            return unsafe .text(
                String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self)
            )
        case SQLITE_BLOB:
            let bytes = unsafe sqlite3_column_blob(handle, column)
            let count = unsafe Int(sqlite3_column_bytes(handle, column))
            return unsafe .blob([UInt8](UnsafeRawBufferPointer(start: bytes, count: count)))
        default: return .null
        }
    }

    private borrowing func failure(_ code: Int32) -> DatabaseError {
        let database = unsafe sqlite3_db_handle(handle)
        return DatabaseError(
            DatabaseError.reason(code: code),
            path: path,
            detail: unsafe String(cString: sqlite3_errmsg(database)),
            code: unsafe Int(sqlite3_extended_errcode(database)),
            statement: sql
        )
    }
}
