import CloudWatchStandIn
import HTTPServer
import ServiceRuntime
import Synchronization
package import Telemetry
package import Timekeeping

/// `tocsin demo`: a small world for Tocsin to watch, reached through the same interfaces as the real one.
///
/// On one port a CloudWatch stand-in that checks signatures, and a pager that prints what it receives; beside it a log
/// shipper speaking the forward protocol. A story plays for about a minute, then all stays calm.
package final class DemoProgram: Sendable {
    package struct Settings: Sendable {
        /// Where the stand-in and the pager listen.
        package var listen = "127.0.0.1:9468"
        /// Where logs are shipped to.
        package var forward = "127.0.0.1:24224"
        package var accessKeyID = "AKIADEMODEMODEMODEMO"
        package var secretAccessKey = "demo-secret-of-the-stand-in"
        /// The pager's half of the webhook secret.
        package var secretFile = "var/tocsin/demo-pager.secret"
        package var seed: UInt64 = 1

        package init() {}
    }

    /// Between two batches of requests.
    private static let tick = Duration.milliseconds(250)

    private let settings: Settings
    private let clock: any WallClock
    private let log: Log
    private let print: @Sendable (String) -> Void
    private let isStopping = Atomic(false)

    /// - Parameters:
    ///   - settings: Addresses and keys.
    ///   - clock: Dates what happens.
    ///   - log: What goes wrong.
    ///   - print: The story and the pager's messages.
    package init(
        settings: Settings,
        clock: any WallClock,
        log: Log,
        print: @escaping @Sendable (String) -> Void
    ) {
        self.settings = settings
        self.clock = clock
        self.log = log
        self.print = print
    }

    /// Serves and plays until `stop`; blocks.
    ///
    /// - Parameter sleep: Waits between ticks.
    /// - Throws: When the port cannot be had.
    package func run(sleep: (Duration) -> Void) throws {
        let standIn = CloudWatchStandIn(
            keys: [
                StandInKey(
                    accessKeyID: settings.accessKeyID,
                    secretAccessKey: settings.secretAccessKey
                )
            ],
            clock: clock
        )
        let pager = DemoPager(secretFile: settings.secretFile, clock: clock, print: print)
        let server = HTTPServer(
            settings: HTTPServerSettings(listen: settings.listen, listenSetting: "--listen"),
            routes: standIn.routes + [pager.route],
            log: log,
            metrics: MetricsRegistry(),
            clock: clock
        )
        try server.start()
        defer { server.stop(drain: .seconds(1)) }
        print("demo: CloudWatch stand-in and pager on http://\(settings.listen)\n")
        play(ShopMetrics(standIn: standIn), sleep)
    }

    /// Makes `run` return after the present tick.
    package func stop() { isStopping.store(true, ordering: .relaxed) }

    private func play(_ shop: ShopMetrics, _ sleep: (Duration) -> Void) {
        var random = StoryGenerator(seed: settings.seed)
        var shipper = ForwardShipper(address: settings.forward)
        let story = Story()
        let start = clock.now()
        var caption = ""
        var resourcesAt = Timestamp.distantPast
        while !isStopping.load(ordering: .relaxed) {
            let now = clock.now()
            let scene = story.scene(at: (now - start).inSeconds)
            if scene.caption != caption {
                caption = scene.caption
                print("demo: \(caption)\n")
            }
            let requests = scene.requests(over: DemoProgram.tick, using: &random)
            shop.record(requests, at: now)
            if now - resourcesAt >= .seconds(1) {
                shop.recordResources(scene, at: now)
                resourcesAt = now
            }
            shipper.ship(requests, at: now, log: log)
            sleep(DemoProgram.tick)
        }
    }
}

/// A small reproducible random source (SplitMix64, Sebastiano Vigna), so that the story is the same every time.
struct StoryGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
