import CSQLite

/// Prepared statements that wait for their next use, by their text.
///
/// Touched only under the database's lock.
final class StatementCache {
    /// A prepared statement that nobody uses.
    @safe
    private struct Idle {
        // Each pointer has one owner: this cache or one `Statement`.
        let handle: OpaquePointer
    }

    private var idle: [String: [Idle]] = [:]
    private var count = 0
    private var isClosed = false

    /// Idle statements kept; more are finalized at once.
    static let idleMax = 256

    /// The statement for `sql`, which the caller now owns; nil when none is idle.
    func take(_ sql: String) -> OpaquePointer? {
        guard let found = idle[sql]?.popLast() else { return nil }
        count -= 1
        return unsafe found.handle
    }

    func giveBack(_ handle: OpaquePointer, sql: String) {
        // Both repeat codes that step and bind have thrown already.
        _ = unsafe sqlite3_reset(handle)
        _ = unsafe sqlite3_clear_bindings(handle)
        guard !isClosed, count < StatementCache.idleMax else {
            _ = unsafe sqlite3_finalize(handle)
            return
        }
        count += 1
        idle[sql, default: []].append(unsafe Idle(handle: handle))
    }

    /// Finalizes all that is idle; what comes back later is finalized then.
    func close() {
        isClosed = true
        for one in idle.values.joined() { _ = unsafe sqlite3_finalize(one.handle) }
        idle = [:]
        count = 0
    }
}
