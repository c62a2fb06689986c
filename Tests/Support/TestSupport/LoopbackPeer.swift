import Glibc

/// A plain blocking TCP client on loopback; every call gives up after thirty seconds.
package struct LoopbackPeer: ~Copyable {
    /// What went wrong, in words.
    package struct Failure: Error, CustomStringConvertible {
        package var description: String

        init(_ call: String) { description = "\(call): errno \(errno)" }

        init(reason: String) { description = reason }
    }

    private let descriptor: Int32

    /// Connects to 127.0.0.`host`; a small receive buffer lets a test stall the sender soon.
    package init(port: UInt16, host: UInt8 = 1, receiveBufferBytes: Int32? = nil) throws {
        let made = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        descriptor = made
        guard made >= 0 else { throw Failure("socket") }
        if var size = receiveBufferBytes {
            unsafe setsockopt(made, SOL_SOCKET, SO_RCVBUF, &size, 4)
        }
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        let length = socklen_t(MemoryLayout<timeval>.size)
        unsafe setsockopt(made, SOL_SOCKET, SO_RCVTIMEO, &limit, length)
        unsafe setsockopt(made, SOL_SOCKET, SO_SNDTIMEO, &limit, length)
        guard LoopbackPeer.connect(made, host, port) == 0 else { throw Failure("connect") }
    }

    deinit { close(descriptor) }

    /// Whether somebody listens on 127.0.0.`host`.
    ///
    /// A test that wants a port to be free takes a host of its own: on 127.0.0.1 the port may have gone to
    /// another test meanwhile.
    package static func canConnect(port: UInt16, host: UInt8) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        return connect(descriptor, host, port) == 0
    }

    private static func connect(_ descriptor: Int32, _ host: UInt8, _ port: UInt16) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7f00_0000 | UInt32(host)).bigEndian
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    package func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.send(
                    descriptor,
                    buffer.baseAddress?.advanced(by: sent),
                    buffer.count - sent,
                    Int32(MSG_NOSIGNAL)
                )
            }
            guard count > 0 else { throw Failure("send") }
            sent += count
        }
    }

    package func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// What comes next; empty at the end of the stream, nil when the connection was reset.
    package func receive(atMost limit: Int = 1 << 16) throws -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: limit)
        let count = unsafe recv(descriptor, &buffer, limit, 0)
        if count < 0 && errno == ECONNRESET { return nil }
        guard count >= 0 else { throw Failure("recv") }
        return Array(buffer[..<count])
    }

    package func receive(exactly count: Int) throws -> [UInt8] {
        var all: [UInt8] = []
        while all.count < count {
            guard let next = try receive(atMost: min(count - all.count, 1 << 16)), !next.isEmpty
            else {
                throw Failure(reason: "the stream ended after \(all.count) of \(count) bytes")
            }
            all += next
        }
        return all
    }

    /// Text up to and including `end`, byte by byte.
    package func receive(upTo end: String) throws -> String {
        var all: [UInt8] = []
        while !all.suffix(end.utf8.count).elementsEqual(end.utf8) {
            all += try receive(exactly: 1)
        }
        return String(decoding: all, as: UTF8.self)
    }

    /// What comes until the peer closes; a reset ends it too.
    package func receiveAll() throws -> [UInt8] {
        var all: [UInt8] = []
        while let next = try receive(), !next.isEmpty { all += next }
        return all
    }

    /// Half-closes: nothing more is sent, reading goes on.
    package func endOutput() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Closing then resets the connection instead of ending it.
    package func resetOnClose() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        unsafe setsockopt(
            descriptor,
            SOL_SOCKET,
            SO_LINGER,
            &linger,
            socklen_t(MemoryLayout<Glibc.linger>.size)
        )
    }
}
