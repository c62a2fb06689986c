import FoundationEssentials
package import SQLite

/// All that outlives the process, in one SQLite file: incidents, the outbox, alert states, SLO counts.
///
/// Each owner's part is an extension in a file of its own, conforming to the protocol that the owner declares.
/// Every write is one transaction, on disk before it returns.
package final class StateStore: Sendable {
    /// The file, for the extensions of this class.
    package let database: Database

    /// Marks the file as Tocsin's: the letters `TCSN`.
    package static let applicationID = 0x5443_534e

    /// Opens or creates the file and its folder, and brings the schema up to date.
    ///
    /// - Parameters:
    ///   - path: The file, such as `var/tocsin/state.db`.
    ///   - busyTimeout: How long to wait for a lock that another process holds.
    /// - Throws: `DatabaseError` saying what to do about the file.
    package init(path: String, busyTimeout: Duration = .seconds(5)) throws {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        do {
            try FileManager.default.createDirectory(
                atPath: folder,
                withIntermediateDirectories: true
            )
        } catch {
            throw DatabaseError(
                .cannotOpen,
                path: path,
                detail: "its folder \(folder) cannot be created: \(error)"
            )
        }
        database = try Database(
            path: path,
            options: .init(busyTimeout: busyTimeout, applicationID: StateStore.applicationID),
            migrations: StateStore.migrations
        )
    }

    /// Moves the write-ahead log into the file; for a clean stop.
    package func close() throws { try database.checkpoint() }
}
