import Synchronization
package import Timekeeping

/// The pace of every call of one account in one region, whichever role or service makes it.
package final class SharedPace: Sendable {
    private let pace: Mutex<RequestPace>

    package init(_ pace: RequestPace = RequestPace()) { self.pace = Mutex(pace) }

    /// Takes the place of one request; how long to wait before sending.
    package func take(at now: Timestamp) -> Duration { pace.withLock { $0.take(at: now) } }

    /// A reply said "too fast".
    package func throttled() { pace.withLock { $0.throttled() } }

    /// A reply came without complaint.
    package func succeeded() { pace.withLock { $0.succeeded() } }

    /// Requests a second now.
    package var rate: Double { pace.withLock { $0.rate } }
}

/// The paces of all accounts and regions: entries of the settings that name one account twice share them.
package final class PaceRegistry: Sendable {
    private struct Key: Hashable {
        var account: String
        var region: String
    }

    private let paces = Mutex<[Key: SharedPace]>([:])

    package init() {}

    /// The pace of an account in a region.
    package func pace(account: String, region: String) -> SharedPace {
        paces.withLock { paces in
            let key = Key(account: account, region: region)
            if let known = paces[key] { return known }
            let made = SharedPace()
            paces[key] = made
            return made
        }
    }
}
