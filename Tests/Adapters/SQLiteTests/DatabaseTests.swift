import Foundation
import Testing

@testable import SQLite

@Suite struct DatabaseTests {
    private struct Undone: Error {}

    private static let table = Migration(
        version: 1,
        script: "CREATE TABLE entries (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)"
    )

    private func count(_ database: Database) throws -> Int {
        try database.read { connection in
            try connection.first("SELECT count(*) FROM entries") { try $0.column(0, as: Int.self) }
                ?? -1
        }
    }

    @Test func everyTypeComesBackAsItWas() throws {
        let folder = try TemporaryFolder()
        let database = try Database(path: folder.file("types.db"))
        try database.write { connection in
            try connection.run("CREATE TABLE t (a, b, c, d, e, f)")
            try connection.run(
                "INSERT INTO t VALUES (?, ?, ?, ?, ?, ?)",
                Int64.min,
                0.1,
                "naïve ☃\0end",
                [UInt8](0...255),
                true,
                Int?.none
            )
            try connection.run(
                "INSERT INTO t VALUES (?, ?, ?, ?, ?, ?)",
                Int.max,
                Double.infinity,
                "",
                [UInt8](),
                false,
                Int?.some(7)
            )
        }
        let rows = try database.read { connection in
            try connection.rows("SELECT a, b, c, d, e, f FROM t ORDER BY rowid") { row in
                let values: (Int64, Double, String, [UInt8], Bool, Int?) = try (
                    row.column(0), row.column(1), row.column(2), row.column(3), row.column(4),
                    row.column(5)
                )
                return "\(values)"
            }
        }
        #expect(
            rows == [
                "\((Int64.min, 0.1, "naïve ☃\0end", [UInt8](0...255), true, Int?.none))",
                "\((Int64.max, Double.infinity, "", [UInt8](), false, Int?.some(7)))",
            ]
        )
    }

    @Test func aThrowingBodyUndoesItsTransaction() throws {
        let folder = try TemporaryFolder()
        let database = try Database(path: folder.file("state.db"), migrations: [Self.table])
        try database.write { _ = try $0.run("INSERT INTO entries (text) VALUES (?)", "kept") }
        #expect(throws: Undone.self) {
            try database.write { connection in
                try connection.run("INSERT INTO entries (text) VALUES (?)", "lost")
                throw Undone()
            }
        }
        #expect(throws: DatabaseError.self) {
            try database.write { connection in
                try connection.run("INSERT INTO entries (text) VALUES (?)", "lost too")
                try connection.run("INSERT INTO entries (text) VALUES (?)", "kept")
            }
        }
        #expect(try count(database) == 1)
        // The connection is usable afterwards.
        try database.write { _ = try $0.run("INSERT INTO entries (text) VALUES (?)", "second") }
        #expect(try count(database) == 2)
    }

    @Test func committedRowsSurviveACrashAndUncommittedOnesDoNot() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state.db")
        let database = try Database(path: path, migrations: [Self.table])
        try database.write { _ = try $0.run("INSERT INTO entries (text) VALUES (?)", "committed") }
        // What kill -9 leaves behind is what the files hold at that moment.
        let image = folder.file("image.db")
        try database.write { connection in
            try connection.run("INSERT INTO entries (text) VALUES (?)", "uncommitted")
            for suffix in ["", "-wal"] {
                try FileManager.default.copyItem(atPath: path + suffix, toPath: image + suffix)
            }
        }
        let reopened = try Database(path: image, migrations: [Self.table])
        let texts = try reopened.read { connection in
            try connection.rows("SELECT text FROM entries") { try $0.column(0, as: String.self) }
        }
        #expect(texts == ["committed"])
        #expect(try count(database) == 2)
    }

    @Test func migrationsRunOnceAndInOrder() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state.db")
        let second = Migration(version: 2, script: "ALTER TABLE entries ADD COLUMN note TEXT")
        do {
            let first = try Database(path: path, migrations: [Self.table])
            #expect(try first.schemaVersion() == 1)
            try first.write { _ = try $0.run("INSERT INTO entries (text) VALUES ('a')") }
        }
        do {
            let database = try Database(path: path, migrations: [Self.table, second])
            #expect(try database.schemaVersion() == 2)
            #expect(try count(database) == 1)
        }
        let failure = #expect(throws: DatabaseError.self) {
            _ = try Database(path: path, migrations: [Self.table])
        }
        #expect(failure?.reason == .newerSchema(found: 2, known: 1))
    }

    @Test func aFailedMigrationLeavesTheOldSchema() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state.db")
        let broken = Migration(
            version: 2,
            script: "CREATE TABLE more (a); INSERT INTO absent VALUES (1)"
        )
        #expect(throws: DatabaseError.self) {
            _ = try Database(path: path, migrations: [Self.table, broken])
        }
        let database = try Database(path: path, migrations: [Self.table])
        #expect(try database.schemaVersion() == 1)
        let tables = try database.read { connection in
            try connection.rows("SELECT name FROM sqlite_schema WHERE name = 'more'") {
                try $0.column(0, as: String.self)
            }
        }
        #expect(tables.isEmpty)
    }

    @Test func theFileIsPrivateAndMarked() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state.db")
        do { _ = try Database(path: path, options: .init(applicationID: 0x5443_534e)) }
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
        #expect((mode as? NSNumber)?.intValue == 0o600)
        _ = try Database(path: path, options: .init(applicationID: 0x5443_534e))
        let failure = #expect(throws: DatabaseError.self) {
            _ = try Database(path: path, options: .init(applicationID: 1))
        }
        #expect(failure?.reason == .foreign(applicationID: 0x5443_534e))
    }

    @Test func asynchronousCallersShareTheConnection() async throws {
        let folder = try TemporaryFolder()
        let database = try Database(path: folder.file("state.db"), migrations: [Self.table])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<50 {
                group.addTask {
                    try await database.writing { connection in
                        _ = try connection.run(
                            "INSERT INTO entries (text) VALUES (?)",
                            "\(number)"
                        )
                    }
                }
            }
            try await group.waitForAll()
        }
        let total = try await database.reading { connection in
            try connection.first("SELECT count(*) FROM entries") { try $0.column(0, as: Int.self) }
        }
        #expect(total == 50)
    }

    @Test func moreWaitersThanAllowedAreRefused() async throws {
        let folder = try TemporaryFolder()
        let database = try Database(
            path: folder.file("state.db"),
            options: .init(waitingMax: 0),
            migrations: [Self.table]
        )
        let failure = await #expect(throws: DatabaseError.self) {
            try await database.writing { _ in }
        }
        #expect(failure?.reason == .overloaded(limit: 0))
    }

    @Test func checkpointEmptiesTheLog() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state.db")
        let database = try Database(path: path, migrations: [Self.table])
        try database.write { _ = try $0.run("INSERT INTO entries (text) VALUES ('a')") }
        try database.checkpoint()
        let size = try FileManager.default.attributesOfItem(atPath: path + "-wal")[.size]
        #expect((size as? NSNumber)?.intValue == 0)
    }
}
