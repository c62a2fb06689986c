extension StoreFile {
    /// Writes all of an array from `offset` on.
    package func write(_ bytes: [UInt8], at offset: Int) throws(FileProblem) {
        let outcome = unsafe bytes.withUnsafeBytes { bytes in
            Result { () throws(FileProblem) in unsafe try write(bytes, at: offset) }
        }
        try outcome.get()
    }

    /// Reads `count` bytes from `offset` on; fewer at the end of the file.
    package func read(count: Int, at offset: Int) throws(FileProblem) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let outcome = unsafe bytes.withUnsafeMutableBytes { bytes in
            Result { () throws(FileProblem) in unsafe try read(into: bytes, at: offset) }
        }
        bytes.removeLast(count - (try outcome.get()))
        return bytes
    }
}
