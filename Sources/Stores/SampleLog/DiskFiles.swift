import Glibc

/// The operating system's files.
package struct DiskFiles: StoreFiles {
    package init() {}

    package func list(_ folder: String) throws(FileProblem) -> [String] {
        guard let stream = unsafe opendir(folder) else {
            if errno == ENOENT { return [] }
            throw FileProblem(call: "opendir", path: folder, code: errno)
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    package func makeFolder(_ folder: String) throws(FileProblem) {
        if unsafe mkdir(folder, 0o750) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = folder.lastIndex(of: "/"), slash != folder.startIndex
        else { throw FileProblem(call: "mkdir", path: folder, code: errno) }
        try makeFolder(String(folder[..<slash]))
        guard unsafe mkdir(folder, 0o750) == 0 || errno == EEXIST else {
            throw FileProblem(call: "mkdir", path: folder, code: errno)
        }
    }

    package func create(_ path: String) throws(FileProblem) -> any StoreFile {
        try DiskFile(path, O_RDWR | O_CREAT | O_EXCL)
    }

    package func open(_ path: String, writes: Bool) throws(FileProblem) -> any StoreFile {
        try DiskFile(path, writes ? O_RDWR : O_RDONLY)
    }

    package func lock(_ path: String) throws(FileProblem) -> any StoreFile {
        let file = try DiskFile(path, O_RDWR | O_CREAT)
        try file.lock()
        return file
    }

    package func move(_ path: String, to target: String) throws(FileProblem) {
        guard unsafe rename(path, target) == 0 else {
            throw FileProblem(call: "rename", path: path, code: errno)
        }
    }

    package func remove(_ path: String) throws(FileProblem) {
        if unsafe unlink(path) == 0 || errno == ENOENT { return }
        guard errno == EISDIR || errno == EPERM else {
            throw FileProblem(call: "unlink", path: path, code: errno)
        }
        for name in try list(path) { try remove("\(path)/\(name)") }
        guard unsafe rmdir(path) == 0 || errno == ENOENT else {
            throw FileProblem(call: "rmdir", path: path, code: errno)
        }
    }

    package func synchronizeFolder(_ folder: String) throws(FileProblem) {
        try DiskFile(folder, O_RDONLY | O_DIRECTORY).synchronizeAll()
    }
}

/// An open file descriptor.
private final class DiskFile: StoreFile {
    private let descriptor: Int32
    private let path: String

    init(_ path: String, _ flags: Int32) throws(FileProblem) {
        self.path = path
        descriptor = unsafe Glibc.open(path, flags | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw FileProblem(call: "open", path: path, code: errno) }
    }

    deinit { close(descriptor) }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileProblem) {
        var done = 0
        while done < bytes.count {
            let count = unsafe pwrite(
                descriptor,
                bytes.baseAddress.unsafelyUnwrapped + done,
                bytes.count - done,
                offset + done
            )
            if count < 0 {
                if errno == EINTR { continue }
                throw FileProblem(call: "write", path: path, code: errno)
            }
            done += count
        }
    }

    func read(
        into bytes: UnsafeMutableRawBufferPointer,
        at offset: Int
    ) throws(FileProblem) -> Int {
        var done = 0
        while done < bytes.count {
            let count = unsafe pread(
                descriptor,
                bytes.baseAddress.unsafelyUnwrapped + done,
                bytes.count - done,
                offset + done
            )
            if count < 0 {
                if errno == EINTR { continue }
                throw FileProblem(call: "read", path: path, code: errno)
            }
            if count == 0 { break }
            done += count
        }
        return done
    }

    func size() throws(FileProblem) -> Int {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw FileProblem(call: "fstat", path: path, code: errno)
        }
        return Int(status.st_size)
    }

    func truncate(to size: Int) throws(FileProblem) {
        guard ftruncate(descriptor, size) == 0 else {
            throw FileProblem(call: "ftruncate", path: path, code: errno)
        }
    }

    func synchronize() throws(FileProblem) {
        guard fdatasync(descriptor) == 0 else {
            throw FileProblem(call: "fdatasync", path: path, code: errno)
        }
    }

    func lock() throws(FileProblem) {
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw FileProblem(call: "lock", path: path, code: errno)
        }
    }

    func synchronizeAll() throws(FileProblem) {
        guard fsync(descriptor) == 0 else {
            throw FileProblem(call: "fsync", path: path, code: errno)
        }
    }
}
