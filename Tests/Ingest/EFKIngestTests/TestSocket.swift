import Glibc

/// A blocking TCP or UDP client on loopback; every wait ends after 20 seconds.
final class TestSocket {
    struct Failure: Error { var call: String }

    private let descriptor: Int32

    init(port: UInt16, udp: Bool = false) throws {
        let kind = udp ? SOCK_DGRAM : SOCK_STREAM
        descriptor = socket(AF_INET, Int32(kind.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe connect(descriptor, address, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Failure(call: "connect") }
    }

    deinit { Glibc.close(descriptor) }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.send(
                    descriptor,
                    buffer.baseAddress?.advanced(by: sent),
                    bytes.count - sent,
                    Int32(MSG_NOSIGNAL)
                )
            }
            guard count > 0 else { throw Failure(call: "send") }
            sent += count
        }
    }

    /// Exactly `count` bytes, or what came before the peer closed.
    func receive(_ count: Int) throws -> [UInt8] {
        var received: [UInt8] = []
        while received.count < count {
            var buffer = [UInt8](repeating: 0, count: count - received.count)
            let got = unsafe recv(descriptor, &buffer, buffer.count, 0)
            guard got >= 0 else { throw Failure(call: "recv") }
            guard got > 0 else { return received }
            received += buffer.prefix(got)
        }
        return received
    }

    /// Everything until the peer closes; a reset counts as closing.
    func receiveToEnd() -> [UInt8] {
        var received: [UInt8] = []
        while let byte = try? receive(1), !byte.isEmpty { received += byte }
        return received
    }

    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }
}
