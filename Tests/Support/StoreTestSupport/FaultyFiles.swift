import Glibc
package import SampleLog
import Synchronization

/// A file system in memory that can fill up, fail and lose power.
package final class FaultyFiles: StoreFiles {
    /// One file, whatever its names.
    private final class Content {
        var bytes: [UInt8] = []
        var durable: [UInt8] = []
        /// Writes since the last sync, in order.
        var writes: [(offset: Int, bytes: [UInt8])] = []
    }

    private struct State {
        var names: [String: Content] = [:]
        var folders: Set<String> = []
        /// Names as of the last sync of their folder.
        var durableNames: [String: Content] = [:]
        var room = Int.max
        var syncCode: Int32 = 0
        var writeCode: Int32 = 0
        var calls: [String: Int] = [:]
    }

    /// A file that was opened.
    private final class File: StoreFile {
        private let files: FaultyFiles
        private let path: String
        // Touched under the lock of `files` alone.
        private nonisolated(unsafe) let content: Content

        init(_ files: FaultyFiles, _ path: String, _ content: Content) {
            self.files = files
            self.path = path
            unsafe self.content = content
        }

        func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileProblem) {
            let copy = unsafe Array(bytes)
            try unsafe files.write(copy, at: offset, content, path)
        }

        func read(
            into bytes: UnsafeMutableRawBufferPointer,
            at offset: Int
        ) throws(FileProblem) -> Int {
            files.state.withLock { _ in
                let held = unsafe content.bytes.dropFirst(offset).prefix(bytes.count)
                unsafe bytes.copyBytes(from: held)
                return held.count
            }
        }

        func size() throws(FileProblem) -> Int {
            files.state.withLock { _ in unsafe content.bytes.count }
        }

        func truncate(to size: Int) throws(FileProblem) {
            files.state.withLock { _ in
                unsafe content.bytes.removeLast(max(0, content.bytes.count - size))
            }
        }

        func synchronize() throws(FileProblem) {
            let code = files.state.withLock { state in
                state.calls["synchronize", default: 0] += 1
                guard state.syncCode == 0 else { return state.syncCode }
                unsafe content.durable = content.bytes
                unsafe content.writes = []
                return 0
            }
            guard code == 0 else {
                throw FileProblem(call: "fdatasync", path: path, code: code)
            }
        }
    }

    private let state = Mutex(State())

    package init() {}

    // MARK: Faults

    /// Bytes that can still be written before the disk is full.
    package var room: Int {
        get { state.withLock { $0.room } }
        set { state.withLock { $0.room = newValue } }
    }

    /// What every sync fails with; 0: none does.
    package var syncCode: Int32 {
        get { state.withLock { $0.syncCode } }
        set { state.withLock { $0.syncCode = newValue } }
    }

    /// What every write fails with; 0: none does.
    package var writeCode: Int32 {
        get { state.withLock { $0.writeCode } }
        set { state.withLock { $0.writeCode = newValue } }
    }

    /// How often files were synced.
    package var syncs: Int { state.withLock { $0.calls["synchronize", default: 0] } }

    /// What another process finds after `kill -9`: everything that was written, synced or not as it was.
    package func afterKill() -> FaultyFiles {
        let copy = FaultyFiles()
        state.withLock { state in
            var image = Image(folders: state.folders)
            var numbers: [ObjectIdentifier: Int] = [:]
            func number(_ content: Content) -> Int {
                if let known = numbers[ObjectIdentifier(content)] { return known }
                image.contents.append((content.bytes, content.durable, content.writes))
                numbers[ObjectIdentifier(content)] = image.contents.count - 1
                return image.contents.count - 1
            }
            image.names = state.names.mapValues(number)
            image.durableNames = state.durableNames.mapValues(number)
            copy.adopt(image)
        }
        return copy
    }

    /// Everything of a file system.
    private struct Image: Sendable {
        var folders: Set<String>
        var contents:
            [(bytes: [UInt8], durable: [UInt8], writes: [(offset: Int, bytes: [UInt8])])] =
                []
        /// By path, the number of the content.
        var names: [String: Int] = [:]
        var durableNames: [String: Int] = [:]
    }

    private func adopt(_ image: Image) {
        state.withLock { state in
            let contents = image.contents.map { one in
                let content = Content()
                content.bytes = one.bytes
                content.durable = one.durable
                content.writes = one.writes
                return content
            }
            state.folders = image.folders
            state.names = image.names.mapValues { contents[$0] }
            state.durableNames = image.durableNames.mapValues { contents[$0] }
        }
    }

    /// What is found after a loss of power: what was synced, and any part of the rest.
    package func afterPowerCut(using random: inout some RandomNumberGenerator) -> FaultyFiles {
        let copy = FaultyFiles()
        var generator = SeededChoices(random.next())
        state.withLock { state in
            var names: [String: [UInt8]] = [:]
            let all = Set(state.names.keys).union(state.durableNames.keys).sorted()
            // Changes of names reach the disk one by one; a moment is as good as another for all of them.
            let keepsNew = generator.next(2) == 0
            for path in all {
                let content = keepsNew ? state.names[path] : state.durableNames[path]
                guard let content else { continue }
                names[path] = FaultyFiles.torn(content, &generator)
            }
            copy.fill(names, state.folders)
        }
        return copy
    }

    private static func torn(_ content: Content, _ choices: inout SeededChoices) -> [UInt8] {
        var bytes = content.durable
        guard !content.writes.isEmpty else { return bytes }
        let kept = choices.next(content.writes.count + 1)
        let isScattered = choices.next(3) == 0
        for (index, write) in content.writes.enumerated() {
            var part = write.bytes[...]
            if isScattered {
                // Pages reach the disk in any order: one that did not reads as zeros.
                guard choices.next(2) == 0 else { continue }
            } else if index > kept {
                break
            } else if index == kept {
                part = part.prefix(choices.next(part.count + 1))
            }
            let end = write.offset + part.count
            if bytes.count < end {
                bytes.append(contentsOf: repeatElement(0, count: end - bytes.count))
            }
            bytes.replaceSubrange(write.offset..<end, with: part)
        }
        return bytes
    }

    private func fill(_ names: [String: [UInt8]], _ folders: Set<String>) {
        state.withLock { state in
            state.folders = folders
            for (path, bytes) in names {
                let content = Content()
                content.bytes = bytes
                content.durable = bytes
                state.names[path] = content
                state.durableNames[path] = content
            }
        }
    }

    // MARK: Looking

    /// Paths of all files, sorted.
    package var paths: [String] { state.withLock { $0.names.keys.sorted() } }

    /// A file's bytes; empty when there is none.
    package func contents(_ path: String) -> [UInt8] {
        state.withLock { $0.names[path]?.bytes ?? [] }
    }

    /// Puts bytes in place of a file's, as damage does.
    package func overwrite(_ path: String, _ bytes: [UInt8]) {
        state.withLock { state in
            let content = state.names[path] ?? Content()
            content.bytes = bytes
            content.durable = bytes
            content.writes = []
            state.names[path] = content
            state.durableNames[path] = content
        }
    }

    // MARK: Files

    private func write(
        _ bytes: [UInt8],
        at offset: Int,
        _ content: sending Content,
        _ path: String
    ) throws(FileProblem) {
        let code = state.withLock { state -> Int32 in
            if state.writeCode != 0 { return state.writeCode }
            let end = offset + bytes.count
            let growth = max(0, end - content.bytes.count)
            let fits = growth <= state.room
            // A full disk takes a part.
            let part = fits ? bytes[...] : bytes.prefix(bytes.count - growth + state.room)
            state.room -= min(growth, state.room)
            let partEnd = offset + part.count
            if content.bytes.count < partEnd {
                content.bytes.append(
                    contentsOf: repeatElement(0, count: partEnd - content.bytes.count)
                )
            }
            content.bytes.replaceSubrange(offset..<partEnd, with: part)
            content.writes.append((offset, Array(part)))
            return fits ? 0 : ENOSPC
        }
        guard code == 0 else { throw FileProblem(call: "write", path: path, code: code) }
    }

    package func list(_ folder: String) throws(FileProblem) -> [String] {
        state.withLock { state in
            let prefix = folder + "/"
            let below = Set(state.names.keys).union(state.folders)
                .filter { $0.hasPrefix(prefix) }
                .compactMap { $0.dropFirst(prefix.count).split(separator: "/").first }
            return Set(below.map(String.init)).sorted()
        }
    }

    package func makeFolder(_ folder: String) throws(FileProblem) {
        state.withLock { _ = $0.folders.insert(folder) }
    }

    package func create(_ path: String) throws(FileProblem) -> any StoreFile {
        let file = state.withLock { state -> File? in
            guard state.names[path] == nil else { return nil }
            let content = Content()
            state.names[path] = content
            return File(self, path, content)
        }
        guard let file else { throw FileProblem(call: "open", path: path, code: EEXIST) }
        return file
    }

    package func open(_ path: String, writes: Bool) throws(FileProblem) -> any StoreFile {
        let file = state.withLock { state in state.names[path].map { File(self, path, $0) } }
        guard let file else { throw FileProblem(call: "open", path: path, code: ENOENT) }
        return file
    }

    package func lock(_ path: String) throws(FileProblem) -> any StoreFile {
        state.withLock { state in
            let content = state.names[path] ?? Content()
            state.names[path] = content
            return File(self, path, content)
        }
    }

    package func move(_ path: String, to target: String) throws(FileProblem) {
        let isThere = state.withLock { state in
            guard let content = state.names.removeValue(forKey: path) else { return false }
            state.names[target] = content
            return true
        }
        guard isThere else { throw FileProblem(call: "rename", path: path, code: ENOENT) }
    }

    package func remove(_ path: String) throws(FileProblem) {
        state.withLock { state in
            for name in state.names.keys where name == path || name.hasPrefix(path + "/") {
                state.names[name] = nil
            }
            state.folders = state.folders.filter { $0 != path && !$0.hasPrefix(path + "/") }
        }
    }

    package func synchronizeFolder(_ folder: String) throws(FileProblem) {
        let code = state.withLock { state -> Int32 in
            guard state.syncCode == 0 else { return state.syncCode }
            let prefix = folder + "/"
            for name in Set(state.durableNames.keys).union(state.names.keys)
            where name.hasPrefix(prefix) && !name.dropFirst(prefix.count).contains("/") {
                state.durableNames[name] = state.names[name]
            }
            return 0
        }
        guard code == 0 else { throw FileProblem(call: "fsync", path: folder, code: code) }
    }
}

/// A few numbers drawn from a seed.
private struct SeededChoices {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed | 1 }

    /// A number below `bound`, which is positive.
    mutating func next(_ bound: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(truncatingIfNeeded: state >> 33) % bound
    }
}
