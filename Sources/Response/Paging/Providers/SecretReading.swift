import Buffers

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
        let bytes: [UInt8]
        do {
            bytes = try WholeFile.bytes(at: path, bytesMax: SecretFiles.bytesMax)
        } catch {
            throw SecretFailure(
                path: path,
                reason: "cannot be read (\(error)); create it, readable for the service's user"
            )
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw SecretFailure(path: path, reason: "is no UTF-8 text; write the secret as text")
        }
        let trimmed = text.trimmed
        guard !trimmed.isEmpty else {
            throw SecretFailure(path: path, reason: "is empty; write the secret into it")
        }
        return trimmed
    }
}
