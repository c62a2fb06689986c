import Model
import WireFormats

/// Reads logfmt: `level=info msg="took long" duration=1.5 ok`.
enum LogfmtParser {
    /// The pairs of a line; a key alone is true.
    ///
    /// Nil when the line holds no `=` at all or a quote never ends.
    static func parse(_ bytes: Span<UInt8>) -> [(name: String, value: LogValue)]? {
        var fields: [(name: String, value: LogValue)] = []
        var hasPair = false
        var position = 0
        while true {
            while position < bytes.count, bytes[position] <= 0x20 { position += 1 }
            guard position < bytes.count else { return hasPair ? fields : nil }
            let start = position
            while position < bytes.count, bytes[position] > 0x20, bytes[position] != 0x3d {
                position += 1
            }
            let name = WireText.repaired(bytes, start..<position)
            guard position < bytes.count, bytes[position] == 0x3d else {
                fields.append((name, .bool(true)))
                continue
            }
            hasPair = true
            position += 1
            if position < bytes.count, bytes[position] == 0x22 {
                guard let text = quoted(bytes, &position) else { return nil }
                fields.append((name, .string(text)))
            } else {
                let start = position
                while position < bytes.count, bytes[position] > 0x20 { position += 1 }
                fields.append((name, .string(WireText.repaired(bytes, start..<position))))
            }
        }
    }

    /// Passes a string in double quotes with backslash escapes; nil when it does not end.
    private static func quoted(_ bytes: Span<UInt8>, _ position: inout Int) -> String? {
        var text: [UInt8] = []
        position += 1
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte == 0x22 { return String(decoding: text, as: UTF8.self) }
            guard byte == 0x5c, position < bytes.count else {
                text.append(byte)
                continue
            }
            switch bytes[position] {
            case 0x6e: text.append(0x0a)
            case 0x72: text.append(0x0d)
            case 0x74: text.append(0x09)
            case let other: text.append(other)
            }
            position += 1
        }
        return nil
    }
}
