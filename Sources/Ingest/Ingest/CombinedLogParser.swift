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
            let request = cursor.quoted(), cursor.space(),
            let status = cursor.integer(), cursor.space(), let size = cursor.word()
        else { return nil }
        var fields: [(name: String, value: LogValue)] = []
        fields.reserveCapacity(13)
        fields.append(("remote_addr", .string(remote)))
        fields.append(("remote_user", .string(user)))
        fields.append(("time", .string(time)))
        fields.append(("request", .string(cursor.text(request))))
        addRequest(bytes, request.range, &fields)
        fields.append(("status", .integer(status)))
        fields.append(("bytes", .integer(Int64(size) ?? 0)))
        guard cursor.skip(UInt8(ascii: "\"")), let referer = cursor.quoted(), cursor.space(),
            cursor.skip(UInt8(ascii: "\"")), let agent = cursor.quoted()
        else { return fields }
        fields.append(("referer", .string(cursor.text(referer))))
        fields.append(("user_agent", .string(cursor.text(agent))))
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

    /// Takes `GET /path?query HTTP/1.1` apart; what is no such thing adds nothing.
    private static func addRequest(
        _ bytes: Span<UInt8>,
        _ request: Range<Int>,
        _ fields: inout [(name: String, value: LogValue)]
    ) {
        func end(of start: Int, _ stops: (UInt8) -> Bool) -> Int {
            var end = start
            while end < request.upperBound, !stops(bytes[end]) { end += 1 }
            return end
        }
        let method = request.lowerBound..<end(of: request.lowerBound) { $0 == 0x20 }
        guard method.upperBound < request.upperBound else { return }
        let target = method.upperBound + 1..<end(of: method.upperBound + 1) { $0 == 0x20 }
        let path =
            target
            .lowerBound..<min(
                target.upperBound,
                end(of: target.lowerBound) { $0 == UInt8(ascii: "?") }
            )
        fields.append(("method", .string(WireText.repaired(bytes, method))))
        fields.append(("path", .string(WireText.repaired(bytes, path))))
        guard target.upperBound < request.upperBound else { return }
        let version = target.upperBound + 1..<request.upperBound
        fields.append(("protocol", .string(WireText.repaired(bytes, version))))
    }

    /// A text between quotes, in the line.
    private struct Quoted {
        var range: Range<Int>
        var hasEscapes: Bool
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
        mutating func quoted() -> Quoted? {
            let start = position
            var hasEscapes = false
            while position < bytes.count {
                switch bytes[position] {
                case 0x22:
                    defer { position += 1 }
                    return Quoted(range: start..<position, hasEscapes: hasEscapes)
                case 0x5c:
                    hasEscapes = true
                    position += 2
                default: position += 1
                }
            }
            return nil
        }

        func text(_ quoted: Quoted) -> String {
            quoted.hasEscapes
                ? unescaped(quoted.range) : WireText.repaired(bytes, quoted.range)
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
