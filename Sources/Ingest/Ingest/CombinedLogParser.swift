import Model
import WireFormats

/// Reads access log lines in Apache's and nginx's common and combined formats.
///
/// Fields: `remote_addr`, `remote_user`, `time`, `request` and out of it `method`, `path` (without the query)
/// and `protocol`, `status`, `bytes`, and in the combined format `referer` and `user_agent`. Numbers behind
/// those, as ingress-nginx and `$request_time` formats have them: one is `request_time` in seconds, two are
/// `request_length` and `request_time`.
///
/// - Source: Apache `mod_log_config`; nginx `log_format combined`; ingress-nginx `upstreaminfo`.
enum CombinedLogParser {
    /// The fields of a line; nil when it is no access log line.
    static func parse(_ bytes: Span<UInt8>) -> [(name: String, value: LogValue)]? {
        var cursor = Cursor(bytes)
        guard let remote = cursor.word(), cursor.word() != nil,
            let user = cursor.text(before: " ["), let time = cursor.text(before: "] \""),
            let request = cursor.quotedRest(), cursor.space(),
            let status = cursor.integer(), cursor.space(), let size = cursor.word()
        else { return nil }
        var fields: [(name: String, value: LogValue)] = []
        fields.reserveCapacity(13)
        fields.append(("remote_addr", .string(remote)))
        fields.append(("remote_user", .string(user)))
        fields.append(("time", .string(time)))
        fields.append(("request", .string(request)))
        let parts = request.split(separator: " ", maxSplits: 2)
        if parts.count >= 2 {
            fields.append(("method", .string(String(parts[0]))))
            fields.append(("path", .string(String(parts[1].prefix { $0 != "?" }))))
            if parts.count == 3 { fields.append(("protocol", .string(String(parts[2])))) }
        }
        fields.append(("status", .integer(status)))
        fields.append(("bytes", .integer(Int64(size) ?? 0)))
        guard cursor.skip(UInt8(ascii: "\"")), let referer = cursor.quotedRest(), cursor.space(),
            cursor.skip(UInt8(ascii: "\"")), let agent = cursor.quotedRest()
        else { return fields }
        fields.append(("referer", .string(referer)))
        fields.append(("user_agent", .string(agent)))
        guard cursor.space(), let first = cursor.word().flatMap({ Double($0) }) else {
            return fields
        }
        guard let second = cursor.word().flatMap({ Double($0) }) else {
            fields.append(("request_time", .number(first)))
            return fields
        }
        fields.append(("request_length", .number(first)))
        fields.append(("request_time", .number(second)))
        return fields
    }

    /// A place in the line.
    private struct Cursor: ~Escapable {
        private let bytes: Span<UInt8>
        private var position = 0

        @_lifetime(copy bytes)
        init(_ bytes: Span<UInt8>) {
            self.bytes = bytes
        }

        mutating func skip(_ byte: UInt8) -> Bool {
            guard position < bytes.count, bytes[position] == byte else { return false }
            position += 1
            return true
        }

        mutating func space() -> Bool { skip(0x20) }

        /// Up to the next space or the end, moving behind the space; nil when that is nothing.
        mutating func word() -> String? {
            let start = position
            while position < bytes.count, bytes[position] > 0x20 { position += 1 }
            guard position > start else { return nil }
            defer { if position < bytes.count { position += 1 } }
            return WireText.repaired(bytes, start..<position)
        }

        mutating func integer() -> Int64? {
            let start = position
            var value: Int64 = 0
            while position < bytes.count, case let digit = bytes[position] &- 0x30, digit < 10 {
                guard position - start < 18 else { return nil }
                value = value * 10 + Int64(digit)
                position += 1
            }
            return position > start ? value : nil
        }

        /// Up to a two- or three-byte mark; moves behind it.
        mutating func text(before mark: StaticString) -> String? {
            let start = position
            let length = mark.utf8CodeUnitCount
            // A static string's bytes live for ever.
            let wanted = unsafe Span(_unsafeStart: mark.utf8Start, count: length)
            while position + length <= bytes.count {
                var matched = 0
                while matched < length, bytes[position + matched] == wanted[matched] {
                    matched += 1
                }
                if matched == length {
                    defer { position += length }
                    return WireText.repaired(bytes, start..<position)
                }
                position += 1
            }
            return nil
        }

        /// Up to the next quote that no backslash precedes; moves behind it.
        mutating func quotedRest() -> String? {
            let start = position
            var hasEscapes = false
            while position < bytes.count {
                switch bytes[position] {
                case 0x22:
                    defer { position += 1 }
                    return hasEscapes
                        ? unescaped(start..<position) : WireText.repaired(bytes, start..<position)
                case 0x5c:
                    hasEscapes = true
                    position += 2
                default: position += 1
                }
            }
            return nil
        }

        /// Escaped quotes and backslashes as themselves; other escapes stay as they stand.
        private func unescaped(_ range: Range<Int>) -> String {
            var text: [UInt8] = []
            var index = range.lowerBound
            while index < range.upperBound {
                if bytes[index] == 0x5c, index + 1 < range.upperBound,
                    bytes[index + 1] == 0x22 || bytes[index + 1] == 0x5c
                {
                    index += 1
                }
                text.append(bytes[index])
                index += 1
            }
            return String(decoding: text, as: UTF8.self)
        }
    }
}
