import Buffers

/// The identities of taken chunks in a file, so that a killed process knows them when it starts again.
///
/// The file begins with a name and the kernel's boot id; 16 bytes follow for each chunk, in the order in which they
/// were taken. Writes reach the kernel before a chunk is acknowledged and are not synced: after a loss of power
/// the boot id differs, nothing is remembered, and a chunk whose counts were lost with the power is counted
/// again when it comes again.
struct ChunkLog: ~Copyable {
    /// A file that could not be written: what, where and how to mend it.
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private static let name = Array("tocsin-chunks-1\n".utf8)
    private static let bootBytes = 36
    private static let headBytes = 16 + bootBytes
    private static let identityBytes = 16

    private let path: String
    private let countMax: Int
    private let boot: [UInt8]
    /// Nil before the first write and after a failed one.
    private var file: AppendFile?
    /// Identities in the file.
    private var count = 0

    /// A log that is not open yet.
    ///
    /// - Parameters:
    ///   - path: The file; its folder must be there.
    ///   - countMax: Chunks worth keeping; the file holds twice that many at most.
    ///   - boot: The kernel's boot id.
    init(path: String, countMax: Int, boot: String = ChunkLog.currentBoot()) {
        self.path = path
        self.countMax = countMax
        let text = Array(boot.utf8.prefix(ChunkLog.bootBytes))
        self.boot = text + [UInt8](repeating: 0x20, count: ChunkLog.bootBytes - text.count)
    }

    /// What the kernel calls the time since the machine started; empty where it does not say.
    static func currentBoot() -> String {
        let text = (try? WholeFile.text(at: "/proc/sys/kernel/random/boot_id")) ?? ""
        return String(text.prefix { $0 != "\n" })
    }

    /// What the file remembers, the oldest first; nothing of another boot, nothing of a file that is no chunk log.
    func remembered() -> [ChunkIdentity] {
        // An unknown boot could be any: then a kept memory proves nothing.
        guard boot.contains(where: { $0 != 0x20 }),
            let bytes = try? WholeFile.bytes(at: path),
            bytes.count >= ChunkLog.headBytes, bytes.starts(with: ChunkLog.name),
            bytes[ChunkLog.name.count..<ChunkLog.headBytes].elementsEqual(boot)
        else { return [] }
        // A last identity that was written in part is none: its chunk was not acknowledged.
        let whole = (bytes.count - ChunkLog.headBytes) / ChunkLog.identityBytes
        return (max(0, whole - countMax)..<whole).map { index in
            let start = ChunkLog.headBytes + index * ChunkLog.identityBytes
            func number(_ from: Int) -> UInt64 {
                bytes[from..<from + 8].reduce(0) { $0 << 8 | UInt64($1) }
            }
            return ChunkIdentity(high: number(start), low: number(start + 8))
        }
    }

    /// Adds identities; the file is written anew when it has grown to twice what is kept, or after a failure.
    ///
    /// `all` gives what the memory holds, the new ones among it.
    mutating func append(
        _ identities: [ChunkIdentity],
        all: () -> [ChunkIdentity]
    ) throws(Failure) {
        guard file != nil, count + identities.count <= 2 * countMax else {
            return try rewrite(all())
        }
        do {
            try file?.append(ChunkLog.encode(identities))
            count += identities.count
        } catch {
            // What is half written would put all that follows out of place.
            file = nil
            throw failure(error)
        }
    }

    /// Writes the file anew with what the memory holds.
    private mutating func rewrite(_ identities: [ChunkIdentity]) throws(Failure) {
        file = nil
        let fresh = path + ".new"
        do {
            let made = try AppendFile(creating: fresh)
            try made.append(ChunkLog.name + boot + ChunkLog.encode(identities))
            try AppendFile.rename(fresh, to: path)
            file = consume made
        } catch {
            throw failure(error)
        }
        count = identities.count
    }

    private func failure(_ reason: FileReadFailure) -> Failure {
        Failure(
            description:
                "\(path) cannot be written: \(reason); make room on the disk or mend its mode. Until "
                + "then a chunk that is sent again after a restart is counted twice"
        )
    }

    private static func encode(_ identities: [ChunkIdentity]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(identities.count * identityBytes)
        for identity in identities {
            for number in [identity.high, identity.low] {
                for shift in stride(from: 56, through: 0, by: -8) {
                    bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(shift)))
                }
            }
        }
        return bytes
    }
}
