import CLinux
import Glibc

/// Answers each datagram on a port with a fixed reply: heartbeats.
///
/// Proof for `@unchecked Sendable`: the descriptor is touched only on the loop's thread, past `start` and
/// `close`, which go there by `execute`.
@safe
package final class UDPResponder: @unchecked Sendable, ReadinessHandler {
    /// Datagrams taken for one report of readiness, so that a flood does not starve connections.
    private static let datagramsMax = 64

    private let loop: EventLoop
    private let payloadMax: Int
    private let reply: [UInt8]
    private let answered: @Sendable () -> Void
    private var descriptor: Int32?

    /// Binds at once, answers after `start`.
    ///
    /// - Parameters:
    ///   - text: HOST:PORT, with the port that the TCP listener got.
    ///   - setting: The setting that gave the address, for messages.
    ///   - loop: Where it runs.
    ///   - payloadMax: Longer datagrams are dropped.
    ///   - reply: What each sender gets back; keep it no longer than what was sent, so that a forged sender
    ///     address gains nothing.
    ///   - answered: Called for each reply, on the loop's thread.
    /// - Throws: `ListenError` naming the setting when the address cannot be had.
    package init(
        address text: String,
        setting: String,
        loop: EventLoop,
        payloadMax: Int,
        reply: [UInt8],
        answered: @escaping @Sendable () -> Void
    ) throws(ListenError) {
        self.loop = loop
        self.payloadMax = payloadMax
        self.reply = reply
        self.answered = answered
        let wanted = try ListenAddress(text, setting: setting)
        let address = try SocketAddress(wanted, text: text, setting: setting)
        do {
            descriptor = try UDPResponder.bind(address)
        } catch {
            throw ListenError(error, address: text, setting: setting)
        }
    }

    deinit {
        if let descriptor { Glibc.close(descriptor) }
    }

    private static func bind(_ address: SocketAddress) throws(SystemCallError) -> Int32 {
        let kind = Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.family, kind, 0)
        guard descriptor >= 0 else { throw SystemCallError("socket", code: errno) }
        guard unsafe address.withAddress({ unsafe Glibc.bind(descriptor, $0, $1) }) == 0 else {
            let code = errno
            Glibc.close(descriptor)
            throw SystemCallError("bind", code: code)
        }
        return descriptor
    }

    /// Begins to answer; from any thread.
    package func start() {
        loop.execute {
            guard let descriptor = self.descriptor else { return }
            do {
                try self.loop.watch(descriptor, for: .readable, self)
            } catch {
                // Without a watch there are no heartbeats; senders that want them say so themselves.
                self.descriptor = nil
                Glibc.close(descriptor)
            }
        }
    }

    /// Frees the port; from any thread, done when the loop gets to it.
    package func close() {
        loop.execute { self.loopStopped() }
    }

    package func ready(_ readiness: Readiness) {
        guard let descriptor else { return }
        var payload = [UInt8](repeating: 0, count: payloadMax + 1)
        for _ in 0..<UDPResponder.datagramsMax {
            var peer = SocketAddress()
            // The kernel writes at most `payload.count` bytes and one address into what it is given.
            let count = unsafe payload.withUnsafeMutableBytes { room in
                unsafe peer.fill { address, length in
                    unsafe recvfrom(
                        descriptor,
                        room.baseAddress,
                        room.count,
                        0,
                        address,
                        length
                    )
                }
            }
            guard count >= 0 else { return }
            guard count <= payloadMax else { continue }
            let sent = unsafe reply.withUnsafeBytes { bytes in
                unsafe peer.withAddress { address, length in
                    unsafe sendto(
                        descriptor,
                        bytes.baseAddress,
                        bytes.count,
                        Int32(MSG_NOSIGNAL),
                        address,
                        length
                    )
                }
            }
            if sent == reply.count { answered() }
        }
    }

    package func loopStopped() {
        guard let descriptor else { return }
        self.descriptor = nil
        loop.unwatch(descriptor)
        Glibc.close(descriptor)
    }
}
