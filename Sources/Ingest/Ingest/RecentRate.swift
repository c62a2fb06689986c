import Timekeeping

/// How many a second, over the last minute: two fixed windows, the older one counted by the part of it that the last
/// minute still holds.
struct RecentRate: Sendable {
    static let window = Duration.seconds(60)

    private var start: Timestamp?
    private var current = 0
    private var previous = 0

    mutating func add(_ count: Int, at now: Timestamp) {
        turn(now)
        current += count
    }

    /// Nil before anything was added.
    func perSecond(at now: Timestamp) -> Double? {
        guard start != nil else { return nil }
        var turned = self
        turned.turn(now)
        guard let start = turned.start else { return nil }
        let passed = (now - start) / RecentRate.window
        let count = Double(turned.previous) * (1 - passed) + Double(turned.current)
        return count / RecentRate.window.inSeconds
    }

    private mutating func turn(_ now: Timestamp) {
        // A clock that steps back begins anew.
        guard let begun = start, now >= begun, now - begun < RecentRate.window * 2 else {
            start = now
            current = 0
            previous = 0
            return
        }
        guard now - begun >= RecentRate.window else { return }
        start = begun + RecentRate.window
        previous = current
        current = 0
    }
}
