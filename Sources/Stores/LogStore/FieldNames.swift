/// Field names kept once and referred to by number.
///
/// Records of one stream have mostly the same names in the same places, so a name is first compared with the
/// one that stood at its place in the record before, and only looked up by hash when it differs.
struct FieldNames {
    private let limit: Int
    private(set) var names: [String] = []
    private(set) var numbers: [String: Int] = [:]
    /// Longer names are not worth a place in a table that is never emptied.
    private static let nameBytesMax = 128

    init(limit: Int) {
        self.limit = limit
    }

    /// The number of `name`, new if need be; nil when the name must stand in the record itself.
    mutating func number(of name: String, at place: Int, predicted: inout [Int]) -> Int? {
        if place < predicted.count {
            let guess = predicted[place]
            if guess >= 0, names[guess] == name { return guess }
        }
        let number = lookUp(name)
        while predicted.count <= place, place < 256 { predicted.append(-1) }
        if place < predicted.count { predicted[place] = number ?? -1 }
        return number
    }

    private mutating func lookUp(_ name: String) -> Int? {
        if let known = numbers[name] { return known }
        guard names.count < limit, name.utf8.count <= FieldNames.nameBytesMax else { return nil }
        numbers[name] = names.count
        names.append(name)
        return names.count - 1
    }
}
