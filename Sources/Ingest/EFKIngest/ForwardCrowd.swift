import ServiceRuntime

/// What all connections of the forward port share; on the loop's thread only.
///
/// Proof for `@unchecked Sendable`: the counts are touched only by the accept closure and by connections, all
/// of which run on the loop's thread; the rest never changes.
final class ForwardCrowd: @unchecked Sendable {
    /// Why one more connection cannot be had.
    enum Full: Hashable, Sendable {
        case all, peer
    }

    let settings: ForwardSettings
    let loop: EventLoop
    let pool: WorkerPool
    let intake: ForwardIntake
    let secrets: ForwardSecrets
    /// Open connections.
    private(set) var connections = 0
    private var byPeer: [PeerAddress: Int] = [:]
    /// Bytes that connections hold, in framers and on their way to the stores.
    var heldBytes = 0

    init(
        settings: ForwardSettings,
        loop: EventLoop,
        pool: WorkerPool,
        intake: ForwardIntake,
        secrets: ForwardSecrets
    ) {
        self.settings = settings
        self.loop = loop
        self.pool = pool
        self.intake = intake
        self.secrets = secrets
    }

    /// Counts a connection in; why not, when there are too many.
    func enter(_ peer: PeerAddress) -> Full? {
        guard connections < settings.connectionsMax else { return .all }
        guard byPeer[peer, default: 0] < settings.connectionsPerPeerMax else { return .peer }
        connections += 1
        byPeer[peer, default: 0] += 1
        return nil
    }

    /// Counts a connection out.
    func leave(_ peer: PeerAddress) {
        connections -= 1
        let rest = byPeer[peer, default: 1] - 1
        byPeer[peer] = rest == 0 ? nil : rest
    }
}
