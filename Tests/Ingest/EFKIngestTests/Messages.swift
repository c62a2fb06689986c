import Compression
import Model
import Timekeeping
import WireFormats

@testable import EFKIngest

/// Builds forward messages byte by byte.
enum Messages {
    static func bytes(_ write: (inout MessagePackWriter) -> Void) -> [UInt8] {
        var writer = MessagePackWriter()
        write(&writer)
        return writer.bytes
    }

    /// Encodes `[seconds, {"log": text}]`.
    static func entry(_ seconds: Int64, _ text: String) -> [UInt8] {
        bytes {
            $0.array(2)
            $0.integer(seconds)
            $0.map(1)
            $0.string("log")
            $0.string(text)
        }
    }

    /// Encodes `[tag, time, record]`, with a chunk id when one is given.
    static func message(
        _ tag: String,
        _ seconds: Int64,
        _ text: String,
        chunk: String? = nil
    ) -> [UInt8] {
        bytes {
            $0.array(chunk == nil ? 3 : 4)
            $0.string(tag)
            $0.integer(seconds)
            $0.map(1)
            $0.string("log")
            $0.string(text)
            if let chunk {
                $0.map(1)
                $0.string("chunk")
                $0.string(chunk)
            }
        }
    }

    /// Encodes `[tag, [entry, ...], options?]`.
    static func forward(_ tag: String, _ entries: [[UInt8]], options: [UInt8] = []) -> [UInt8] {
        bytes {
            $0.array(options.isEmpty ? 2 : 3)
            $0.string(tag)
            $0.array(entries.count)
            for entry in entries { $0.raw(entry) }
            $0.raw(options)
        }
    }

    /// Encodes `[tag, bin of entries, options?]`.
    static func packed(
        _ tag: String,
        _ stream: [UInt8],
        options: [UInt8] = [],
        asString: Bool = false
    ) -> [UInt8] {
        bytes {
            $0.array(options.isEmpty ? 2 : 3)
            $0.string(tag)
            if asString { $0.string(bytes: stream) } else { $0.binary(stream) }
            $0.raw(options)
        }
    }

    /// A map of options; values are encoded already.
    static func options(_ pairs: [(String, [UInt8])]) -> [UInt8] {
        bytes {
            $0.map(pairs.count)
            for (name, value) in pairs {
                $0.string(name)
                $0.raw(value)
            }
        }
    }

    static func text(_ text: String) -> [UInt8] { bytes { $0.string(text) } }

    static func gzip(_ bytes: [UInt8]) -> [UInt8] { (try? Gzip.compress(bytes.span)) ?? [] }

    static func zstd(_ bytes: [UInt8]) -> [UInt8] { (try? Zstd.compress(bytes.span)) ?? [] }

    static func eventTime(_ seconds: UInt32, _ nanoseconds: UInt32) -> [UInt8] {
        [seconds, nanoseconds].flatMap { number in
            (0..<4).reversed().map { UInt8(truncatingIfNeeded: number >> UInt32(8 * $0)) }
        }
    }
}

extension ForwardOutcome {
    /// In words: `tag 1500:{log=a} ack=81...`, times in milliseconds, `now` where the sender gave none.
    func described(arrival: Int64) -> String {
        switch self {
        case .ignored: return "ignored"
        case .refused(let cause, _): return "refused \(cause)"
        case .invalid(let cause, _, let ack):
            return "invalid \(cause)" + (ack == nil ? "" : " acked")
        case .message(let message):
            let records = message.records.map { record in
                let time = record.eventTime.milliseconds
                let fields = record.fields.map { "\($0.name)=\(describe($0.value))" }
                return "\(time == arrival ? "now" : "\(time)"):{\(fields.joined(separator: ","))}"
            }
            var parts = [message.tag] + records
            if message.invalidEntries > 0 { parts.append("invalid=\(message.invalidEntries)") }
            if let ack = message.ack {
                parts.append(
                    "ack="
                        + ack.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
                        .joined()
                )
            }
            return parts.joined(separator: " ")
        }
    }

    private func describe(_ value: LogValue) -> String {
        switch value {
        case .object(let members):
            "{" + members.map { "\($0.name)=\(describe($0.value))" }.joined(separator: ",") + "}"
        case .array(let values): "[" + values.map(describe).joined(separator: ",") + "]"
        case .null: "null"
        case .bool, .integer, .number, .string: value.text
        }
    }
}
