import Foundation
import Testing

@testable import SQLite

@Suite struct DatabaseErrorTests {
    @Test func aFullDiskIsNamedAndNothingIsChanged() throws {
        let folder = try TemporaryFolder()
        let database = try Database(
            path: folder.file("state.db"),
            migrations: [Migration(version: 1, script: "CREATE TABLE t (a BLOB)")]
        )
        // A page limit makes SQLite answer exactly as a full volume does.
        try database.write { try $0.script("PRAGMA max_page_count=4") }
        let failure = #expect(throws: DatabaseError.self) {
            try database.write { connection in
                for _ in 0..<10 {
                    try connection.run(
                        "INSERT INTO t VALUES (?)",
                        [UInt8](repeating: 1, count: 9000)
                    )
                }
            }
        }
        #expect(failure?.reason == .diskFull)
        #expect(failure?.isRetryable == true)
        #expect(
            failure?.description
                == "database \(folder.file("state.db")): the disk is full; free space on its volume "
                + "or make the volume larger, nothing was changed (in: INSERT INTO t VALUES (?))"
        )
        let rows = try database.read { connection in
            try connection.first("SELECT count(*) FROM t") { try $0.column(0, as: Int.self) }
        }
        #expect(rows == 0)
    }

    @Test func anotherProcessesLockIsWaitedForThenReported() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state.db")
        let options = Database.Options(busyTimeout: .milliseconds(10))
        let script = "CREATE TABLE t (a)"
        let first = try Database(
            path: path,
            options: options,
            migrations: [Migration(version: 1, script: script)]
        )
        let second = try Database(
            path: path,
            options: options,
            migrations: [Migration(version: 1, script: script)]
        )
        try first.write { connection in
            try connection.run("INSERT INTO t VALUES (1)")
            let failure = #expect(throws: DatabaseError.self) {
                try second.write { _ = try $0.run("INSERT INTO t VALUES (2)") }
            }
            #expect(failure?.reason == .locked)
            #expect(failure?.isRetryable == true)
        }
        try second.write { _ = try $0.run("INSERT INTO t VALUES (2)") }
    }

    @Test func aFileOfAnotherKindIsRefused() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("notes.txt")
        try Data("Dear diary, this is long enough to be looked at as a header.".utf8)
            .write(to: URL(fileURLWithPath: path))
        let failure = #expect(throws: DatabaseError.self) { _ = try Database(path: path) }
        #expect(failure?.reason == .notADatabase)
        // The file is left as it was.
        #expect(try String(contentsOfFile: path, encoding: .utf8).hasPrefix("Dear diary"))
    }

    @Test func aDamagedFileIsNamed() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state.db")
        let migration = Migration(version: 1, script: "CREATE TABLE t (a TEXT)")
        do {
            let database = try Database(path: path, migrations: [migration])
            try database.write { connection in
                for index in 0..<500 {
                    try connection.run(
                        "INSERT INTO t VALUES (?)",
                        String(repeating: "\(index)", count: 40)
                    )
                }
            }
            try database.checkpoint()
        }
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try handle.seek(toOffset: 4096)
        try handle.write(contentsOf: Data(repeating: 0xa5, count: 8192))
        try handle.close()
        let failure = #expect(throws: DatabaseError.self) {
            let database = try Database(path: path, migrations: [migration])
            _ = try database.read { connection in
                try connection.rows("SELECT a FROM t") { try $0.column(0, as: String.self) }
            }
        }
        #expect(failure?.reason == .corrupt)
        #expect(failure?.isRetryable == false)
    }

    @Test(arguments: ["absent/state.db", "", "."])
    func aPathThatCannotBeOpenedIsNamed(name: String) throws {
        let folder = try TemporaryFolder()
        let failure = #expect(throws: DatabaseError.self) {
            _ = try Database(path: folder.file(name))
        }
        #expect(failure?.reason == .cannotOpen)
        #expect(failure?.description.contains(folder.path) == true)
        #expect(failure?.description.contains("create its folder") == true)
    }

    @Test func aColumnOfAnotherTypeNamesColumnAndType() throws {
        let folder = try TemporaryFolder()
        let database = try Database(path: folder.file("state.db"))
        let failure = #expect(throws: DatabaseError.self) {
            try database.read { connection in
                try connection.first("SELECT 'five' AS amount") { try $0.column(0, as: Int.self) }
            }
        }
        #expect(failure?.reason == .columnType)
        #expect(failure?.detail == "column amount holds TEXT, which is no Int")
    }

    @Test func aWrongCountOfParametersIsRefused() throws {
        let folder = try TemporaryFolder()
        let database = try Database(path: folder.file("state.db"))
        let failure = #expect(throws: DatabaseError.self) {
            try database.write { _ = try $0.run("SELECT ?, ?", 1) }
        }
        #expect(failure?.detail == "the statement has 2 parameters and was given 1")
    }

    @Test func aBrokenConstraintSaysWhich() throws {
        let folder = try TemporaryFolder()
        let database = try Database(path: folder.file("state.db"))
        let failure = #expect(throws: DatabaseError.self) {
            try database.write { connection in
                try connection.script("CREATE TABLE p (id INTEGER PRIMARY KEY)")
                try connection.script("CREATE TABLE c (p INTEGER REFERENCES p(id))")
                try connection.run("INSERT INTO c VALUES (?)", 9)
            }
        }
        #expect(failure?.reason == .constraint)
        #expect(failure?.detail == "FOREIGN KEY constraint failed")
    }
}
