import CloudWatchIngest
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timekeeping

/// Renewal of credentials, in virtual time.
@Suite struct CredentialsCacheTests {
    /// Hands out numbered keys that last an hour, or fails.
    final class Source: CredentialsProviding {
        private let clock: ManualClock
        private let asked = Mutex(0)
        private let failing = Mutex(false)
        private let gate = Mutex<[CheckedContinuation<Void, Never>]>([])
        private let isGated = Mutex(false)

        init(_ clock: ManualClock) { self.clock = clock }

        var count: Int { asked.withLock { $0 } }
        func fail(_ fails: Bool) { failing.withLock { $0 = fails } }
        func close() { isGated.withLock { $0 = true } }
        var waiting: Int { gate.withLock { $0.count } }
        func open() {
            isGated.withLock { $0 = false }
            let waiters = gate.withLock { waiters in
                defer { waiters = [] }
                return waiters
            }
            for waiter in waiters { waiter.resume() }
        }

        func credentials() async throws(CredentialsError) -> AWSCredentials {
            let number = asked.withLock { count in
                count += 1
                return count
            }
            if isGated.withLock({ $0 }) {
                await withCheckedContinuation { waiter in gate.withLock { $0.append(waiter) } }
            }
            guard !failing.withLock({ $0 }) else {
                throw CredentialsError(link: "test", reason: "down", isTransient: true)
            }
            return AWSCredentials(
                accessKeyID: "AK\(number)",
                secretAccessKey: "s",
                expiration: clock.now() + .seconds(3600),
                source: "test"
            )
        }
    }

    let clock = ManualClock()

    @Test func keysAreRenewedFifteenMinutesBeforeTheyExpire() async throws {
        let source = Source(clock)
        let cache = CredentialsCache(source, clock: clock, log: .silent)
        #expect(try await cache.credentials().accessKeyID == "AK1")
        clock.advance(by: .seconds(44 * 60))
        #expect(try await cache.credentials().accessKeyID == "AK1")
        clock.advance(by: .seconds(60))
        #expect(try await cache.credentials().accessKeyID == "AK2")
        #expect(source.count == 2)
    }

    @Test func oldKeysServeUntilNewOnesCome() async throws {
        let source = Source(clock)
        let cache = CredentialsCache(source, clock: clock, log: .silent)
        _ = try await cache.credentials()
        source.fail(true)
        clock.advance(by: .seconds(46 * 60))
        for _ in 0..<5 { #expect(try await cache.credentials().accessKeyID == "AK1") }
        #expect(source.count == 2)
        clock.advance(by: .seconds(60))
        #expect(try await cache.credentials().accessKeyID == "AK1")
        #expect(source.count == 3)
        clock.advance(by: .seconds(20 * 60))
        await #expect(throws: CredentialsError.self) { try await cache.credentials() }
        source.fail(false)
        #expect(try await cache.credentials().accessKeyID == "AK5")
    }

    @Test func manyAskersShareOneRenewal() async throws {
        let source = Source(clock)
        source.close()
        let cache = CredentialsCache(source, clock: clock, log: .silent)
        let keys = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<20 { group.addTask { try await cache.credentials().accessKeyID } }
            while source.waiting == 0 { await Task.yield() }
            source.open()
            var keys: Set<String> = []
            for try await key in group { keys.insert(key) }
            return keys
        }
        #expect(keys == ["AK1"])
        #expect(source.count == 1)
    }

    @Test func rejectedKeysAreForgottenOnce() async throws {
        let source = Source(clock)
        let cache = CredentialsCache(source, clock: clock, log: .silent)
        let first = try await cache.credentials()
        await cache.reject(first)
        let second = try await cache.credentials()
        #expect(second.accessKeyID == "AK2")
        await cache.reject(first)
        #expect(try await cache.credentials().accessKeyID == "AK2")
        #expect(await cache.summary == "test, expires in 1h")
    }
}
