import ServiceRuntime

/// What all connections of the forward port share; on the loop's thread only.
///
/// Proof for `@unchecked Sendable`: the counts are touched only by the accept closure and by connections, all
/// of which run on the loop's thread; the rest never changes.
final class ForwardCrowd: @unchecked Sendable {
    let settings: ForwardSettings
    let loop: EventLoop
    let pool: WorkerPool
    let intake: ForwardIntake
    /// Open connections.
    var connections = 0
    /// Bytes that connections hold, in framers and on their way to the stores.
    var heldBytes = 0

    init(
        settings: ForwardSettings,
        loop: EventLoop,
        pool: WorkerPool,
        intake: ForwardIntake
    ) {
        self.settings = settings
        self.loop = loop
        self.pool = pool
        self.intake = intake
    }
}
