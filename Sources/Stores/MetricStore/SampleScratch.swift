import Model
import Timekeeping

/// Room for the samples of one series' window, used again for the next.
struct SampleScratch {
    /// A staleness marker's bits; the model's own are behind a call.
    static let markerBits: UInt64 = 0x7ff0_0000_0000_0002

    private var room: [Sample] = []
    /// Where in the room the window's samples are.
    private var range = 0..<0

    var isEmpty: Bool { range.isEmpty }
    var count: Int { range.count }

    /// The window's samples, oldest first.
    var samples: Span<Sample> {
        @_lifetime(borrow self)
        borrowing get { room.span.extracting(range) }
    }

    mutating func clear() { range = 0..<0 }

    /// Takes new samples.
    ///
    /// - Parameters:
    ///   - countMax: How many of them there may be.
    ///   - fill: Writes pairs of a timestamp and a value's bits, eight bytes each; returns which of them are the
    ///     window's.
    @inline(__always)
    mutating func fill(countMax: Int, _ fill: (UnsafeMutableRawPointer) -> Range<Int>) {
        assert(MemoryLayout<Sample>.size == 16, "a sample is a timestamp and a value")
        if countMax > room.count {
            room = Array(
                repeating: Sample(Timestamp(milliseconds: 0), 0),
                count: countMax + countMax / 2
            )
        }
        range = unsafe room.withUnsafeMutableBytes { bytes in
            // Without room there is nothing to fill either.
            unsafe bytes.baseAddress.map { unsafe fill($0) } ?? 0..<0
        }
        precondition(range.upperBound <= countMax, "more samples than there is room for")
    }

    /// The first sample of the window that is newer than `time`, by number; `count` when none is.
    func firstIndex(after time: Int64) -> Int {
        var (low, high) = (range.lowerBound, range.upperBound)
        while low < high {
            let middle = (low + high) / 2
            if room[middle].timestamp.milliseconds <= time {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low - range.lowerBound
    }
}
