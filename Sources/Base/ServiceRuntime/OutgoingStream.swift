import Glibc

/// A blocking TCP connection to a server, for a thread that may wait.
package struct OutgoingStream: ~Copyable {
    private let descriptor: Int32

    /// Connects, giving up after `timeout`; later sends are bounded by the same time.
    ///
    /// - Throws: `ListenError` when the address cannot be read, `SystemCallError` when nobody answers there.
    package init(to text: String, timeout: Duration = .seconds(5)) throws {
        let address = try SocketAddress(
            ListenAddress(text, setting: "address"),
            text: text,
            setting: "address"
        )
        let made = socket(address.family, Int32(SOCK_STREAM.rawValue), 0)
        guard made >= 0 else { throw SystemCallError("socket", code: errno) }
        var limit = timeval(tv_sec: Int(timeout.components.seconds), tv_usec: 0)
        unsafe setsockopt(
            made,
            SOL_SOCKET,
            SO_SNDTIMEO,
            &limit,
            socklen_t(MemoryLayout<timeval>.size)
        )
        let code = unsafe address.withAddress { unsafe connect(made, $0, $1) }
        guard code == 0 else {
            let reason = errno
            close(made)
            throw SystemCallError("connect to \(text)", code: reason)
        }
        descriptor = made
    }

    deinit { close(descriptor) }

    /// Sends every byte, or throws when the peer is gone or does not read within the timeout.
    package func send(_ bytes: [UInt8]) throws(SystemCallError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let sent = unsafe rest.withUnsafeBytes { buffer in
                unsafe Glibc.send(
                    descriptor,
                    buffer.baseAddress,
                    buffer.count,
                    Int32(MSG_NOSIGNAL)
                )
            }
            guard sent > 0 else {
                if errno == EINTR { continue }
                throw SystemCallError("send", code: errno)
            }
            rest = rest.dropFirst(sent)
        }
    }
}
