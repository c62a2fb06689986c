/// Why bytes could not be compressed or decompressed.
package enum CompressionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The input is not what its format says, or ends too early.
    case corrupt(format: String, reason: String)
    /// The output would pass the caller's limit, in bytes; nothing of it is kept.
    case tooLarge(format: String, limit: Int)
    /// The C library failed for want of memory.
    case outOfMemory(format: String)

    package var description: String {
        switch self {
        case .corrupt(let format, let reason): "\(format) data is corrupt: \(reason)"
        case .tooLarge(let format, let limit):
            "\(format) data is larger than \(limit) bytes when decompressed"
        case .outOfMemory(let format): "\(format): out of memory"
        }
    }
}
