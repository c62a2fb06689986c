import Foundation
import Testing

/// Files with expected text beside the tests; `UPDATE_GOLDEN=1 swift test` writes them anew.
enum Golden {
    static func expect(_ text: String, equals name: String) throws {
        let path = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "Golden/\(name)")
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] != nil {
            try Data(text.utf8).write(to: path)
        }
        #expect(try String(contentsOf: path, encoding: .utf8) == text, "Golden/\(name)")
    }

    /// JSON with a line for each value and sorted keys, so that a change is seen where it is.
    static func lines(_ json: String) throws -> String {
        let value = try JSONSerialization.jsonObject(
            with: Data(json.utf8),
            options: .fragmentsAllowed
        )
        let data = try JSONSerialization.data(
            withJSONObject: value,
            options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes, .fragmentsAllowed]
        )
        return String(decoding: data, as: UTF8.self) + "\n"
    }
}
