import Foundation
import Timekeeping

/// A series from a CSV file with the header `timestamp,value`, times in UTC.
struct RealSeries {
    /// In the file's order; ms since 1970 and value.
    var samples: [(Int64, Double)] = []

    init(csv file: URL) throws {
        let text = try String(contentsOf: file, encoding: .utf8)
        for line in text.split(whereSeparator: \.isNewline).dropFirst() {
            let parts = line.split(separator: ",")
            guard parts.count == 2, let value = Double(parts[1]),
                let time = Timestamp(rfc3339: "\(parts[0].replacing(" ", with: "T"))Z")
            else { continue }
            samples.append((time.milliseconds, value))
        }
    }

    /// In order of time; of equal times the last in the file, as an upsert leaves it.
    var lastOfEachTime: [(Int64, Double)] {
        var values: [Int64: Double] = [:]
        for (time, value) in samples { values[time] = value }
        return values.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
