import Synchronization

/// Where the shards find the needs that hold now.
final class LongWindowBoard: Sendable {
    private let windows = Mutex(LongWindows())
    private let versions = Atomic<Int>(0)

    /// Another one whenever other needs hold.
    var version: Int { versions.load(ordering: .acquiring) }

    func publish(_ windows: LongWindows) {
        self.windows.withLock {
            $0 = windows
            versions.wrappingAdd(1, ordering: .releasing)
        }
    }

    /// The needs and their version.
    var current: (version: Int, windows: LongWindows) {
        windows.withLock { (version, $0) }
    }
}
