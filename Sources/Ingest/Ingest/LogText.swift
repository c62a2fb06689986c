package import Model
import WireFormats

/// Takes the text of a record apart without being told how it is written.
package enum LogText {
    /// Containers within containers.
    static let depthMax = 16

    /// Fields that hold a record's text; the first one that is there does.
    package static let textFields = ["log", "message", "msg"]

    /// Where the record's text stands; nil when it has none.
    static func index(in record: LogRecord) -> Int? {
        for name in textFields {
            if let index = record.fields.firstIndex(where: { $0.name == name }) { return index }
        }
        return nil
    }

    /// The fields of a record's text that is a JSON object or logfmt; nil for any other.
    package static func fields(of record: LogRecord) -> [(name: String, value: LogValue)]? {
        guard let index = index(in: record), case .string(let text) = record.fields[index].value
        else { return nil }
        return fields(of: text)
    }

    /// The fields of a text that is a JSON object or logfmt; nil for any other.
    package static func fields(of text: String) -> [(name: String, value: LogValue)]? {
        object(in: text) ?? LogfmtParser.parse(text.utf8Span.span)
    }

    /// The members of a text that is one JSON object; nil for any other.
    package static func object(
        in text: String,
        depthMax: Int = depthMax
    ) -> [(name: String, value: LogValue)]? {
        let bytes = text.utf8Span.span
        var start = 0
        while start < bytes.count, bytes[start] <= 0x20 { start += 1 }
        guard start < bytes.count, bytes[start] == UInt8(ascii: "{") else { return nil }
        var reader = JSONReader(bytes, depthMax: depthMax)
        guard (try? reader.next()) == .objectStart,
            let members = try? LogValue.members(of: &reader),
            (try? reader.next()) == .end
        else { return nil }
        return members
    }
}
