import CLinux

/// What changes about a file when somebody writes it, or puts another in its place.
package struct FileStamp: Hashable, Sendable {
    private let seconds: Int64
    private let nanoseconds: Int64
    private let bytes: Int64
    private let inode: UInt64

    /// Follows links; nil when there is no such file.
    package init?(path: String) {
        var stamp = tocsin_file_stamp()
        guard unsafe tocsin_stamp_file(path, &stamp) == 0 else { return nil }
        seconds = stamp.seconds
        nanoseconds = stamp.nanoseconds
        bytes = stamp.bytes
        inode = stamp.inode
    }
}
