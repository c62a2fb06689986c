import Foundation
import SQLite
import Testing

@testable import StateStore

@Suite struct StateStoreTests {
    @Test func opensCreatesItsFolderAndReopens() throws {
        let folder = NSTemporaryDirectory() + "tocsin-state-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/deep/state.db"
        do {
            let store = try StateStore(path: path)
            try store.close()
        }
        let store = try StateStore(path: path)
        #expect(try store.database.schemaVersion() == StateStore.migrations.count)
    }

    @Test func aFolderThatCannotBeMadeIsNamed() throws {
        let failure = #expect(throws: DatabaseError.self) {
            _ = try StateStore(path: "/dev/null/tocsin/state.db")
        }
        #expect(failure?.reason == .cannotOpen)
        #expect(failure?.description.contains("/dev/null/tocsin") == true)
    }
}
