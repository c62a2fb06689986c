import Buffers
import Model
import Spelling

/// Knows the names of the system's time zones.
struct ZoneLoader {
    let folder: String

    /// The zone whose name is nearest to a misspelt one; nil when none is near or the list is not there.
    func nearest(to name: String) -> String? {
        guard let table = try? WholeFile.text(at: folder + "/tzdata.zi") else {
            // Only the advice is lost; the caller reports the name.
            return nil
        }
        let names = table.split(separator: "\n").compactMap { line -> String? in
            let words = line.split(separator: " ")
            switch words.first {
            case "Z" where words.count > 1: return String(words[1])
            case "L" where words.count > 2: return String(words[2])
            default: return nil
            }
        }
        return NearMiss.nearest(to: name, in: names)
    }
}
