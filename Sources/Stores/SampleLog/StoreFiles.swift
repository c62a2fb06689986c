/// A file that the store writes to or reads from; closed when the last reference goes.
package protocol StoreFile: AnyObject, Sendable {
    /// Writes all of `bytes` from `offset` on.
    ///
    /// - Throws: When any of it was not written; what then lies behind `offset` is undefined.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileProblem)

    /// Fills `bytes` from `offset` on; how many that were, fewer only at the end of the file.
    func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileProblem) -> Int

    /// Bytes in the file.
    func size() throws(FileProblem) -> Int

    /// Cuts the file to `size` bytes.
    func truncate(to size: Int) throws(FileProblem)

    /// Returns once what was written survives a loss of power.
    func synchronize() throws(FileProblem)
}

/// The calls to the file system that the store makes: a seam, so that tests can lose power and fill the disk.
///
/// Paths are those of the operating system, `/` between their parts.
package protocol StoreFiles: Sendable {
    /// Names of what is in a folder, in no order; empty when there is no such folder.
    func list(_ folder: String) throws(FileProblem) -> [String]

    /// Makes a folder and those above it that are missing.
    func makeFolder(_ folder: String) throws(FileProblem)

    /// Opens a file that must not be there yet, for writing and reading.
    func create(_ path: String) throws(FileProblem) -> any StoreFile

    /// Opens a file that is there, for reading and, when `writes` is true, for cutting it.
    func open(_ path: String, writes: Bool) throws(FileProblem) -> any StoreFile

    /// Opens a file, makes it when it is missing, and holds it for this process alone until it is closed.
    func lock(_ path: String) throws(FileProblem) -> any StoreFile

    /// Moves a file or folder over whatever file is at `target`.
    func move(_ path: String, to target: String) throws(FileProblem)

    /// Removes a file, or a folder with all that is in it; nothing happens when there is none.
    func remove(_ path: String) throws(FileProblem)

    /// Returns once files made, moved and removed in a folder are so after a loss of power too.
    func synchronizeFolder(_ folder: String) throws(FileProblem)
}

/// A call to the file system that failed.
package struct FileProblem: Error, Hashable, Sendable, CustomStringConvertible {
    package var call: String
    package var path: String
    /// The value of `errno`.
    package var code: Int32

    package init(call: String, path: String, code: Int32) {
        self.call = call
        self.path = path
        self.code = code
    }
}
