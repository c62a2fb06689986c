import Cryptography

/// Where the next page begins, as opaque text that belongs to one call.
struct PageToken {
    /// Index of the query to go on with; 0 where there are none.
    var query: Int
    /// Points of that query, or metrics of a list, that went out already.
    var point: Int
    private let scope: String

    init(query: Int, point: Int, of scope: String) {
        self.query = query
        self.point = point
        self.scope = scope
    }

    /// Reads a token; nil when it is damaged or belongs to another call.
    init?(_ text: String, of scope: String) {
        guard let bytes = Base64.decode(text, .urlSafe) else { return nil }
        let parts = String(decoding: bytes, as: UTF8.self).split(separator: ":")
        guard parts.count == 3, let query = Int(parts[0]), query >= 0, let point = Int(parts[1]),
            point >= 0, parts[2] == Self.seal(scope)
        else { return nil }
        self.init(query: query, point: point, of: scope)
    }

    var text: String { Base64.encode("\(query):\(point):\(Self.seal(scope))".utf8, .urlSafe) }

    private static func seal(_ scope: String) -> String {
        Hexadecimal.encode(Digest.sha256(scope.utf8).prefix(8))
    }
}
