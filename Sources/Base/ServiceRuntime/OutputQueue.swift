/// Bytes that wait to be written: small pieces are gathered, large ones are kept as they came.
struct OutputQueue {
    /// A piece of at least this many bytes is not copied.
    private static let gatherMax = 16 << 10

    private var pieces: [[UInt8]] = []
    private var first = 0
    private var written = 0

    /// Bytes that are not written yet.
    private(set) var count = 0

    mutating func append(_ piece: [UInt8]) {
        guard !piece.isEmpty else { return }
        count += piece.count
        let last = pieces.count - 1
        if last >= first, pieces[last].count + piece.count <= OutputQueue.gatherMax {
            pieces[last].append(contentsOf: piece)
        } else {
            pieces.append(piece)
        }
    }

    /// Offers the bytes at the front; `write` gets them and whether more follow, and returns how many it took.
    mutating func writeFirst(_ write: (UnsafeRawBufferPointer, _ more: Bool) -> Int) -> Int {
        guard first < pieces.count else { return 0 }
        let more = first + 1 < pieces.count
        let taken = unsafe pieces[first].withUnsafeBytes { bytes in
            // `written` is always below the piece's length: a piece that is written whole is dropped.
            unsafe write(UnsafeRawBufferPointer(rebasing: bytes[written...]), more)
        }
        guard taken > 0 else { return taken }
        written += taken
        count -= taken
        if written == pieces[first].count {
            pieces[first] = []
            first += 1
            written = 0
        }
        if first == pieces.count {
            pieces.removeAll(keepingCapacity: true)
            first = 0
        }
        return taken
    }

    mutating func removeAll() {
        self = OutputQueue()
    }
}
