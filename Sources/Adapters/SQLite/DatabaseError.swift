import CSQLite

/// Why a database operation failed: the file, what SQLite said, and what mends it.
package struct DatabaseError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Reason: Hashable, Sendable {
        case diskFull
        /// Another connection holds the lock for longer than the busy timeout.
        case locked
        case corrupt
        /// The file is no SQLite database.
        case notADatabase
        /// The file is a database of another program.
        case foreign(applicationID: Int)
        case permission
        case readOnly
        /// The file, or its folder, cannot be opened.
        case cannotOpen
        case inputOutput
        /// A row breaks a UNIQUE, NOT NULL, CHECK or FOREIGN KEY rule.
        case constraint
        /// The file was written by a newer version of this program.
        case newerSchema(found: Int, known: Int)
        /// A column holds another type than the one asked for.
        case columnType
        /// More operations wait for the database thread than allowed.
        case overloaded(limit: Int)
        /// A value or statement is longer than SQLite takes.
        case tooBig
        case other
    }

    package var reason: Reason
    /// The database file.
    package var path: String
    /// SQLite's own words.
    package var detail: String
    /// SQLite's extended result code, 0 when the failure is not SQLite's.
    package var code: Int
    /// The statement, without its values; nil when there is none.
    package var statement: String?

    package init(
        _ reason: Reason,
        path: String,
        detail: String,
        code: Int = 0,
        statement: String? = nil
    ) {
        self.reason = reason
        self.path = path
        self.detail = detail
        self.code = code
        self.statement = statement
    }

    /// True when the same operation may succeed later without anybody changing it.
    package var isRetryable: Bool {
        switch reason {
        case .diskFull, .locked, .inputOutput, .overloaded: true
        case .corrupt, .notADatabase, .foreign, .permission, .readOnly, .cannotOpen, .constraint,
            .newerSchema, .columnType, .tooBig, .other:
            false
        }
    }

    package var description: String {
        var text = "database \(path): \(what)"
        if !mend.isEmpty { text += "; \(mend)" }
        if let statement { text += " (in: \(DatabaseError.shortened(statement)))" }
        return text
    }

    private var what: String {
        switch reason {
        case .diskFull: "the disk is full"
        case .locked: "another process holds its lock (\(detail))"
        case .corrupt: "the file is damaged (\(detail))"
        case .notADatabase: "the file is not an SQLite database"
        case .foreign(let id): "the file belongs to another program (application id \(id))"
        case .permission: "permission denied (\(detail))"
        case .readOnly: "the file or its volume is read-only (\(detail))"
        case .cannotOpen: "the file cannot be opened (\(detail))"
        case .inputOutput: "reading or writing failed (\(detail))"
        case .newerSchema(let found, let known):
            "its schema has version \(found), this program knows \(known)"
        case .overloaded(let limit): "\(limit) operations wait already"
        case .constraint, .columnType, .tooBig, .other: detail
        }
    }

    private var mend: String {
        switch reason {
        case .diskFull: "free space on its volume or make the volume larger, nothing was changed"
        case .locked: "stop the other process that has it open, or give each its own file"
        case .corrupt:
            "stop the service, keep a copy, and recover it with `sqlite3 FILE .recover`"
        case .notADatabase, .foreign: "point the setting to another file, or move this one away"
        case .permission: "let the service's user read and write the file and its folder"
        case .readOnly: "mount the volume writable for the service's user"
        case .cannotOpen: "create its folder and let the service's user write there"
        case .inputOutput: "check the volume (`dmesg`), nothing was changed"
        case .newerSchema: "run the newer version, or start with a new file"
        case .overloaded: "the disk is too slow for the load; check it"
        case .constraint, .columnType, .tooBig, .other: ""
        }
    }

    private static func shortened(_ statement: String) -> String {
        let words = statement.split { $0 == " " || $0 == "\n" }.joined(separator: " ")
        return words.count <= 120 ? words : words.prefix(119) + "…"
    }

    /// The reason behind an SQLite result code (its low byte decides).
    static func reason(code: Int32) -> Reason {
        switch code & 0xff {
        case SQLITE_FULL: .diskFull
        case SQLITE_BUSY, SQLITE_LOCKED: .locked
        case SQLITE_CORRUPT: .corrupt
        case SQLITE_NOTADB: .notADatabase
        case SQLITE_PERM, SQLITE_AUTH: .permission
        case SQLITE_READONLY: .readOnly
        case SQLITE_CANTOPEN: .cannotOpen
        case SQLITE_IOERR: .inputOutput
        case SQLITE_CONSTRAINT: .constraint
        case SQLITE_TOOBIG: .tooBig
        default: .other
        }
    }
}
