import Cryptography
import WireFormats

/// A request as Firehose sends it: an id and records.
package struct FirehoseEnvelope: Sendable {
    /// Empty when the body has none.
    package var requestID = ""
    /// What each record holds, out of base64, in order.
    package var records: [[UInt8]] = []

    /// Reads `{"requestId", "timestamp", "records": [{"data"}]}`; other members are passed over.
    ///
    /// - Throws: `malformed`, or the limit that is passed.
    package init(_ bytes: Span<UInt8>, _ settings: FirehoseSettings) throws(FirehoseProblem) {
        // The body, the list, a record, and two more for what may be added to them.
        var reader = JSONReader(bytes, depthMax: 5)
        do {
            guard try reader.next() == .objectStart else {
                throw FirehoseProblem.malformed("the body is not a JSON object")
            }
            var hasRecords = false
            while case .name(let name) = try reader.next() {
                if reader.equals(name, "requestId") {
                    guard case .string(let text) = try reader.next() else {
                        throw FirehoseProblem.malformed("requestId is not text")
                    }
                    requestID = try reader.text(text)
                } else if reader.equals(name, "records") {
                    hasRecords = true
                    try read(records: &reader, settings)
                } else {
                    try reader.skip()
                }
            }
            _ = try reader.next()
            guard hasRecords else { throw FirehoseProblem.malformed("the body has no records") }
        } catch let problem as FirehoseProblem {
            throw problem
        } catch {
            throw .malformed("the body is not what Firehose sends: \(error)")
        }
    }

    private mutating func read(
        records reader: inout JSONReader,
        _ settings: FirehoseSettings
    ) throws {
        guard try reader.next() == .arrayStart else {
            throw FirehoseProblem.malformed("records is not a list")
        }
        while true {
            switch try reader.next() {
            case .arrayEnd: return
            case .objectStart: break
            default:
                throw FirehoseProblem.malformed("record \(records.count) is not an object")
            }
            guard records.count < settings.recordsMax else {
                throw FirehoseProblem.overLimit(
                    "max_records",
                    "the request has more than \(settings.recordsMax) records"
                )
            }
            records.append(try record(&reader, settings))
        }
    }

    private func record(_ reader: inout JSONReader, _ settings: FirehoseSettings) throws -> [UInt8]
    {
        var data: [UInt8]?
        while case .name(let name) = try reader.next() {
            guard reader.equals(name, "data") else {
                try reader.skip()
                continue
            }
            guard case .string(let text) = try reader.next() else {
                throw FirehoseProblem.malformed("data of record \(records.count) is not text")
            }
            // Four characters for three bytes; what has escapes is longer and is judged once it is read.
            guard text.range.count / 4 * 3 <= settings.recordBytesMax + 2 else {
                throw overLong(settings)
            }
            guard let decoded = Base64.decode(try reader.text(text)) else {
                throw FirehoseProblem.malformed("data of record \(records.count) is not base64")
            }
            guard decoded.count <= settings.recordBytesMax else { throw overLong(settings) }
            data = decoded
        }
        guard let data else {
            throw FirehoseProblem.malformed("record \(records.count) has no data")
        }
        return data
    }

    private func overLong(_ settings: FirehoseSettings) -> FirehoseProblem {
        .overLimit(
            "max_record",
            "record \(records.count) is longer than \(settings.recordBytesMax) bytes"
        )
    }
}
