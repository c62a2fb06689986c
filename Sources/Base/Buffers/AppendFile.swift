import Glibc

/// A file that is only added to.
///
/// What is written is with the kernel when `append` returns, so it survives the end of the process; it is not
/// synced, so a loss of power may take it.
package struct AppendFile: ~Copyable {
    private let descriptor: Int32

    /// Makes the file anew, readable by its owner alone; what was there is gone.
    ///
    /// - Throws: Why not, in words for a message that names the file.
    package init(creating path: String) throws(FileReadFailure) {
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .lastError() }
    }

    deinit { close(descriptor) }

    /// Adds bytes; after a failure an unknown part of them is in the file.
    package func append(_ bytes: [UInt8]) throws(FileReadFailure) {
        var start = 0
        while start < bytes.count {
            let written = unsafe bytes.withUnsafeBytes { buffer in
                // `start` is below the count, so what is written lies within the buffer.
                unsafe write(
                    descriptor,
                    buffer.baseAddress?.advanced(by: start),
                    buffer.count - start
                )
            }
            if written < 0 {
                if errno == EINTR { continue }
                throw .lastError()
            }
            start += written
        }
    }

    /// Puts one file in another's place, whole or not at all.
    package static func rename(_ path: String, to other: String) throws(FileReadFailure) {
        guard unsafe Glibc.rename(path, other) == 0 else { throw .lastError() }
    }
}
