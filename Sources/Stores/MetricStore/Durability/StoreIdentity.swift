import SampleLog

/// What all files of a store have in common: who wrote them, over how many shards, and the keys of the label hash.
///
/// Kept in the file `identity`; every segment and snapshot names it by number.
///
/// ```
///  0 magic u64, byte order u32, version u32
/// 16 number u64, generation u32, shards u32
/// 32 count of keys u32, then so many u64
///    checksum u32, of what is before
/// ```
struct StoreIdentity: Hashable, Sendable {
    /// Drawn when the store was made.
    var number: UInt64
    /// Counts changes of the number of shards; each has folders of its own.
    var generation: UInt32
    var shards: UInt32
    var hashKeys: [UInt64]

    private static let magic: UInt64 = 0x0a45_524f_5453_4354
    private static let order: UInt32 = 0x0102_0304
    private static let version: UInt32 = 1
    private static let fileName = "identity"
    private static let byteCountMax = 1 << 16

    init(shards: Int, using random: inout some RandomNumberGenerator) {
        number = random.next()
        generation = 1
        self.shards = UInt32(shards)
        hashKeys = (0..<LabelHasher.storedKeyCount).map { _ in random.next() }
    }

    /// The same store over another number of shards.
    func over(shards: Int) -> StoreIdentity {
        var other = self
        other.generation &+= 1
        other.shards = UInt32(shards)
        return other
    }

    /// True when a name is that of some shard's folder of another generation.
    func isOutdated(_ name: String) -> Bool {
        let parts = name.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let generation = UInt32(parts[0]), UInt32(parts[1]) != nil else {
            return false
        }
        return generation != self.generation
    }

    /// The folder of one shard's files.
    func folder(of shard: Int, in folder: String) -> String {
        "\(folder)/\(generation)-\(shard)"
    }

    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        func put(_ value: some FixedWidthInteger) {
            unsafe withUnsafeBytes(of: value) { unsafe bytes.append(contentsOf: $0) }
        }
        put(StoreIdentity.magic)
        put(StoreIdentity.order)
        put(StoreIdentity.version)
        put(number)
        put(generation)
        put(shards)
        put(UInt32(hashKeys.count))
        for key in hashKeys { put(key) }
        put(unsafe bytes.withUnsafeBytes { unsafe Checksum.of($0) })
        return bytes
    }

    private init(decoding bytes: [UInt8], path: String) throws(SampleLogProblem) {
        var cursor = 0
        func take<Value: FixedWidthInteger>(_: Value.Type) -> Value {
            let size = MemoryLayout<Value>.size
            guard bytes.count - cursor >= size else { return 0 }
            defer { cursor += size }
            return unsafe bytes.withUnsafeBytes {
                unsafe $0.loadUnaligned(fromByteOffset: cursor, as: Value.self)
            }
        }
        let damaged = SampleLogProblem(
            .foreign(
                path: path,
                what: "it is damaged, and without it the files beside it have no meaning"
            )
        )
        guard take(UInt64.self) == StoreIdentity.magic else { throw damaged }
        guard take(UInt32.self) == StoreIdentity.order else {
            throw SampleLogProblem(
                .foreign(path: path, what: "a machine of the other byte order wrote it")
            )
        }
        let version = take(UInt32.self)
        guard version == StoreIdentity.version else {
            throw SampleLogProblem(
                .foreign(
                    path: path,
                    what: "its format is version \(version), and this program knows "
                        + "\(StoreIdentity.version)"
                )
            )
        }
        number = take(UInt64.self)
        generation = take(UInt32.self)
        shards = take(UInt32.self)
        let count = Int(take(UInt32.self))
        guard count == LabelHasher.storedKeyCount, bytes.count == cursor + 8 * count + 4,
            shards >= 1, shards <= 1024
        else { throw damaged }
        hashKeys = (0..<count).map { _ in take(UInt64.self) }
        let checksum = unsafe bytes.withUnsafeBytes {
            unsafe Checksum.of(UnsafeRawBufferPointer(rebasing: $0[0..<cursor]))
        }
        guard take(UInt32.self) == checksum else { throw damaged }
    }

    /// Reads the identity of the store in `folder`; nil when there is none yet.
    ///
    /// - Throws: When it cannot be read, or is missing from files that need it.
    static func read(
        _ folder: String,
        _ files: any StoreFiles
    ) throws(SampleLogProblem) -> StoreIdentity? {
        let path = "\(folder)/\(fileName)"
        let names = try SampleLogProblem.wrapping { () throws(FileProblem) in
            try files.list(folder)
        }
        guard names.contains(fileName) else {
            if let other = names.first(where: { $0.contains("-") }) {
                throw SampleLogProblem(
                    .foreign(path: path, what: "it is missing, but \(other) beside it is there")
                )
            }
            return nil
        }
        let bytes = try SampleLogProblem.wrapping { () throws(FileProblem) in
            try files.open(path, writes: false).read(count: byteCountMax, at: 0)
        }
        return try StoreIdentity(decoding: bytes, path: path)
    }

    /// Puts the identity in place of the one that is there, in one step.
    func write(_ folder: String, _ files: any StoreFiles) throws(FileProblem) {
        let path = "\(folder)/\(StoreIdentity.fileName)"
        let draft = path + LogFileName.unfinishedSuffix
        try files.remove(draft)
        let file = try files.create(draft)
        try file.write(encoded, at: 0)
        try file.synchronize()
        try files.move(draft, to: path)
        try files.synchronizeFolder(folder)
    }
}
