import Glibc

/// A file that cannot be read or written, in the kernel's words.
package struct FileReadFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// Such as `Permission denied` or `longer than 65536 bytes`.
    package var reason: String

    package init(reason: String) { self.reason = reason }

    package var description: String { reason }

    /// What `errno` says.
    static func lastError() -> FileReadFailure {
        FileReadFailure(reason: unsafe String(cString: strerror(errno)))
    }
}

/// Files that are small enough to be read whole: settings, rules, secrets.
package enum WholeFile {
    /// Bytes that are read at most when the caller says nothing.
    package static let bytesMax = 64 << 20

    /// The bytes of a file.
    ///
    /// - Parameters:
    ///   - path: Absolute, or from the working folder.
    ///   - bytesMax: Files that are longer are refused, not cut.
    /// - Returns: All of its bytes.
    /// - Throws: Why not, in words for a message that names the file.
    package static func bytes(
        at path: String,
        bytesMax: Int = WholeFile.bytesMax
    ) throws(FileReadFailure) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .lastError() }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count <= bytesMax {
            let count = unsafe chunk.withUnsafeMutableBytes { buffer in
                unsafe read(descriptor, buffer.baseAddress, buffer.count)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw .lastError()
            }
            if count == 0 { return bytes }
            bytes += chunk.prefix(count)
        }
        throw FileReadFailure(reason: "longer than \(bytesMax) bytes")
    }

    /// The text of a UTF-8 file; broken sequences are replaced.
    ///
    /// - Throws: As `bytes`.
    package static func text(at path: String) throws(FileReadFailure) -> String {
        String(decoding: try bytes(at: path), as: UTF8.self)
    }
}
