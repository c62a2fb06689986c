import Foundation

/// Reads secrets from files; the seam for tests.
package protocol SecretReading: Sendable {
    /// The content of a secret's file, without blanks at its ends.
    func secret(at path: String) throws(SecretFailure) -> String
}

/// Why a secret cannot be read.
///
/// Messages name the file, never its content.
package struct SecretFailure: Error, Hashable, Sendable, CustomStringConvertible {
    package var path: String
    package var reason: String

    package init(path: String, reason: String) {
        self.path = path
        self.reason = reason
    }

    package var description: String { "secret file \(path): \(reason)" }
}

/// Secrets in the file system.
package struct SecretFiles: SecretReading {
    /// Bytes of a secret's file.
    package static let bytesMax = 64 << 10

    package init() {}

    package func secret(at path: String) throws(SecretFailure) -> String {
        let data: Data
        do {
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? handle.close() }
            data = try handle.read(upToCount: SecretFiles.bytesMax + 1) ?? Data()
        } catch {
            let words = (error as NSError).localizedDescription
            throw SecretFailure(
                path: path,
                reason: "cannot be read (\(words)); create it, readable for the service's user"
            )
        }
        guard data.count <= SecretFiles.bytesMax else {
            throw SecretFailure(
                path: path,
                reason: "is longer than \(SecretFiles.bytesMax) bytes; it is no secret"
            )
        }
        guard let text = String(bytes: data, encoding: .utf8) else {
            throw SecretFailure(path: path, reason: "is no UTF-8 text; write the secret as text")
        }
        let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !trimmed.isEmpty else {
            throw SecretFailure(path: path, reason: "is empty; write the secret into it")
        }
        return trimmed
    }
}
