import Model
import Timekeeping

/// Room for the samples of one series' window, used again for the next.
struct SampleScratch {
    private(set) var samples: [Sample] = []
    /// How many of `samples` are of the window that was read last.
    private(set) var count = 0

    /// Takes new samples: calls `fill` with room for `countMax` and keeps as many as it returns.
    @inline(__always)
    mutating func fill(countMax: Int, _ fill: (UnsafeMutablePointer<Sample>) -> Int) {
        if countMax > samples.count {
            samples = Array(
                repeating: Sample(Timestamp(milliseconds: 0), 0),
                count: countMax + countMax / 2
            )
        }
        count = unsafe samples.withUnsafeMutableBufferPointer { buffer in
            // Without room there is nothing to fill either.
            unsafe buffer.baseAddress.map { unsafe fill($0) } ?? 0
        }
        precondition(count <= countMax, "more samples than there is room for")
    }

    mutating func clear() { count = 0 }

    /// The first sample of the window that is newer than `time`, by number; `count` when none is.
    func firstIndex(after time: Int64) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if samples[middle].timestamp.milliseconds <= time {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }
}
