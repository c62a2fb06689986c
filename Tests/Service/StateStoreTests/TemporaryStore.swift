import Foundation

@testable import StateStore

/// A state file of its own for one test, removed with it.
final class TemporaryStore {
    let folder = NSTemporaryDirectory() + "tocsin-state-" + UUID().uuidString
    var path: String { folder + "/state.db" }

    func open() throws -> StateStore { try StateStore(path: path) }

    deinit { try? FileManager.default.removeItem(atPath: folder) }
}
