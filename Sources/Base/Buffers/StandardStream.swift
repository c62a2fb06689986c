import Glibc

/// The process's standard output and error.
package enum StandardStream: Int32, Sendable {
    case output = 1
    case error = 2

    /// Writes a text whole; what a closed pipe or a full disk does not take is lost.
    package func write(_ text: String) {
        let bytes = Array(text.utf8)
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(
                    rawValue,
                    buffer.baseAddress.map { unsafe $0 + written },
                    buffer.count - written
                )
            }
            if count < 0, errno != EINTR { return }
            written += max(0, count)
        }
    }
}
